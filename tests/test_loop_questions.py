"""What was trained on is left out of a test for every system, counted, named, and kept."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from graft.cli.main import main
from graft.core.context import Context, Event
from graft.core.errors import Cancelled, LeakError
from graft.core.example import Example
from graft.core.hashing import text_hash
from graft.core.runs import read_run
from graft.evaluate.folder import read_evaluation
from graft.examples.meaning import Meaning, Thresholds
from graft.examples.store import ExampleSet
from graft.examples.store import write as write_examples
from graft.jobs.evaluate import Beir, evaluate, evaluate_again, evaluate_beir
from graft.jobs.examples import check, import_
from graft.jobs.remove import remove_documents
from graft.loop.questions import sampled, unseen
from graft.loop.releases import settings_of
from graft.loop.sets import load_examples, meaning_of
from graft.testing import FakeGenerator
from graft.wire import open_workspace
from tests.conftest import CTX
from tests.test_jobs_evaluate import Failing, made_run, nobody, use, year

pytestmark = pytest.mark.slow

TRAINED = "In which year was the red ladder made?"


def of(question: str) -> str:
    """Return what the fake encoder takes a question for: what it is about."""
    made = re.search(r"(red|blue) (\w+)", question)
    kind = "weight" if "weigh" in question else "year"
    return f"{kind} {made[2]}" if made else question


def encode(texts: Sequence[str]) -> np.ndarray:
    rows = np.zeros((len(texts), 4096), dtype=np.float32)
    for row, text in enumerate(texts):
        rows[row, int(text_hash(of(text))[:8], 16) % 4096] = 1
    return rows


def test_a_sample_spreads_over_documents_and_keeps_the_share_without_an_answer():
    rows = [
        Example(f"{d}-{i}", "?", group=f"d{d}", kind="unanswerable" if i == 4 else "free")
        for d in range(20)
        for i in range(5)
    ]
    for seed in range(5):
        found = sampled(rows, 25, seed)
        assert len(found) == 25 and found == [e for e in rows if e in found]
        assert sum(not e.answerable for e in found) == 5
        assert len({e.group for e in found if e.answerable}) == 20
        assert set(map(id, sampled(rows, 10, seed))) <= set(map(id, found))
    assert sampled(rows, 25, 0) != sampled(rows, 25, 1)
    assert sampled(rows, 0, 0) == rows


@pytest.fixture
def meant(monkeypatch):
    """Compare questions by a fake meaning in which colours do not count."""
    made = Meaning(encode)
    made.fitted = Thresholds(0.9, -1.0)
    for module in (
        "graft.loop.questions",
        "graft.loop.dealing",
        "graft.jobs.examples",
        "graft.jobs.evaluate",
    ):
        monkeypatch.setattr(f"{module}.meaning_of", lambda *_: made)
    return made


def reword(beir, questions: dict[str, str]) -> None:
    path = beir / "queries.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    told = [row | {"text": questions.get(row["_id"], row["text"])} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in told))


@pytest.fixture
def asked(workspace, beir, meant):
    """A set of which one test question asks in other words what a training question asks.

    q1 (the red ladder) is in train, and q2 is made a question on it; "smith" is in both, so that no
    word tells them apart.
    """
    reword(beir, {"q2-year": "When did the smith make the red ladder?"})
    import_(workspace, str(beir), ctx=CTX)
    return workspace


def left_of(done) -> list[tuple[str, str, str]]:
    return [(each.split, each.id, each.by) for each in done.left_out]


def test_a_question_in_other_words_is_left_out_for_every_system_and_told(asked, monkeypatch):
    use(monkeypatch, FakeGenerator(year))
    run = made_run(asked, "closed-book")
    told: list[Event] = []
    done = evaluate(asked, limit=60, ctx=Context(events=told.append))
    assert left_of(done) == [("test-new", "q2-year", "meaning")]
    [note] = [event for event in told if event.phase == "note" and "left out" in event.message]
    assert "1 of 60 questions" in note.message and TRAINED in note.message and run in note.message
    rows = read_evaluation(asked.layout.evaluations, done.id)[1]["test-new"]
    ids = [[case.example.id for case in system.cases] for system in rows]
    assert len(rows) > 4 and len(ids[0]) == 59 and all(each == ids[0] for each in ids)
    assert "q2-year" not in ids[0]
    [row] = done.to_dict()["left_out"]
    assert (row["question"], row["trained"], row["run"]) == (
        "When did the smith make the red ladder?", TRAINED, run,
    )  # fmt: skip
    page = done.report.read_text()
    assert "Left out of the test" in page and "make the red ladder?" in page

    monkeypatch.setattr("graft.wire.answering.generator", nobody)
    again = evaluate_again(asked, [done.id], ctx=CTX)
    assert again.left_out == done.left_out

    remove_documents(asked, ["d1"], purge=True, ctx=CTX)
    about = read_evaluation(asked.layout.evaluations, done.id)[0]
    assert [(each.id, each.question, each.trained) for each in about.left_out] == [
        ("q2-year", "", "")
    ]
    assert "red ladder" not in (asked.layout.evaluations / done.id / "about.json").read_text()


def test_an_evaluation_that_was_stopped_leaves_out_the_same_and_asks_the_rest(asked, monkeypatch):
    made_run(asked, "closed-book")
    whole = use(monkeypatch, Failing(year))
    first = evaluate(asked, ctx=CTX, limit=60)
    use(monkeypatch, Failing(year, after=130))
    with pytest.raises(Cancelled):
        evaluate(asked, ctx=CTX, limit=60)
    [partial] = asked.layout.evaluations.glob(".*.partial")
    rest = use(monkeypatch, Failing(year))
    done = evaluate(asked, ctx=CTX, limit=60)
    assert sum(rest.put) < sum(whole.put) and not partial.exists(), "it went on, and not anew"
    assert done.to_dict()["splits"].keys() == first.to_dict()["splits"].keys()
    assert done.left_out == first.left_out and len(done.left_out) == 1


def test_strict_ends_it_and_so_do_many(asked, beir, monkeypatch):
    use(monkeypatch, nobody)
    made_run(asked, "closed-book")
    config = asked.config
    table = config.evaluate.model_copy(update={"strict": True})
    asked.config = config.model_copy(update={"evaluate": table})
    with pytest.raises(LeakError, match=r"1 of the questions asked were trained on: .*red ladder"):
        evaluate(asked, limit=60, ctx=CTX)
    asked.config = config
    settings, _ = settings_of(asked, None)
    train = load_examples(asked).split("train")
    [folder] = asked.layout.runs.iterdir()
    runs = [read_run(folder)]
    fresh = [replace(e, id=f"n{e.id}", question=f"Is {e.id} fresh?") for e in train[:18]]
    for count, fails in ((2, False), (3, True)):
        test = {"test": [*fresh, *train[:count]]}
        if fails:
            with pytest.raises(LeakError, match=r"3 of 21 questions of test were trained on"):
                unseen(asked, settings, runs, test, CTX)
        else:
            left = unseen(asked, settings, runs, test, CTX)
            assert left.asked["test"] == fresh and len(left.left_out) == 2
            assert {each.by for each in left.left_out} == {"words"}
    with pytest.raises(LeakError, match="1 of 1 questions of test"):
        unseen(asked, settings, runs, {"test": train[:1]}, CTX)
    left = unseen(asked, settings, runs, {"test": [*fresh[:3], train[0]]}, CTX)
    assert len(left.left_out) == 1, "one alone ends no small test"


def test_a_beir_folder_is_asked_without_what_was_trained_on(asked, beir, monkeypatch):
    use(monkeypatch, FakeGenerator(year))
    run = made_run(asked, "raft")
    done = evaluate_beir(asked, Beir(str(beir)), cells={"rag+ft": run}, ctx=CTX)
    assert left_of(done) == [("test", "q2-year", "meaning")]
    rows = read_evaluation(asked.layout.evaluations, done.id)[1]
    assert {len(s.cases) for systems in rows.values() for s in systems} == {59}


def test_a_check_names_what_repeats_in_other_words_and_what_shares_evidence(asked):
    found = check(asked)
    assert found["leaks"] == len(found["repeats"]) + len(found["tied"])
    pairs = {(r["question"], r["other"], r["other_split"]) for r in found["repeats"]}
    assert {question for question, _, _ in pairs} == {"When did the smith make the red ladder?"}
    assert TRAINED in {other for _, other, _ in pairs}


def test_apart_from_leaves_out_what_a_test_asks_in_other_words(workspace, beir, meant):
    reword(beir, {"q2-year": "When did the smith make the red ladder?"})
    import_(workspace, str(beir), split="train", apart_from=["test"], ctx=CTX)
    assert "q1-year" not in {e.id for e in load_examples(workspace).examples}


def test_no_encoder_is_loaded_where_retrieval_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr("graft.loop.sets.encoder", nobody)
    workspace = open_workspace(tmp_path, {"retrieve.pipeline": "bm25"})
    assert meaning_of(workspace, workspace.config) is None
    dense = open_workspace(tmp_path, {"retrieve.pipeline": "dense + bm25"})
    made = meaning_of(dense, dense.config)
    assert made is meaning_of(dense, dense.config)
    with pytest.raises(AssertionError, match="a model is asked"):
        made.same(["Why?"], ["When?"])


def test_evidence_that_stands_in_two_documents_is_tied_at_the_deal(tmp_path, tiny_models):
    from graft.jobs.ingest import ingest
    from graft.loop.sets import document_groups
    from graft.wire import library

    folder = tmp_path / "docs"
    folder.mkdir()
    shared = (
        "The warranty of the pump covers the seal and the motor for three years and lapses as "
        "soon as anybody but the maker opens it."
    )
    for name in ("one", "two", "three"):
        own = " ".join(f"{name}{i} says {name}{i + 1} again." for i in range(40))
        tail = "" if name == "three" else f"\n\n{shared}"
        (folder / f"{name}.md").write_text(f"# {name.title()}\n\n{own}{tail}\n")
    workspace = open_workspace(tmp_path / "ws", tiny_models)
    ingest(workspace, [str(folder)], ctx=CTX)
    held = library(workspace)
    text = held.document("one.md").text
    start = text.index("three years")
    rows = [
        {"messages": [{"role": "user", "content": "How long does the warranty last?"},
                      {"role": "assistant", "content": "three years"}], "documents": ["one.md"]},
        {"messages": [{"role": "user", "content": "Which word does three31 say?"},
                      {"role": "assistant", "content": "three32"}], "documents": ["three.md"]},
    ]  # fmt: skip
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_(workspace, str(path), split="train", ctx=CTX)
    found = load_examples(workspace)
    [about] = [e for e in found.examples if e.answers == ("three years",)]
    assert about.gold[0].start == start
    groups = document_groups(held, 0.9, found.examples)
    assert groups["one.md"] == groups["two.md"] != groups["three.md"]
    bare = document_groups(held, 0.9)
    assert bare["one.md"] != bare["two.md"]

    # An imported set may have what a deal would not: it is told by a check.
    other = replace(about, id="new", question="For how many years is it?", split="test-new",
                    gold=(replace(about.gold[0], document_id="two.md", start=None, end=None,
                                  text_hash=""),), group="two.md")  # fmt: skip
    write_examples(workspace.layout.examples, ExampleSet((*found.examples, other), 1))
    told = check(workspace)
    assert told["tied"] == [{"question": other.question, "document": "two.md"}]
    assert told["leaks"] == 1


@pytest.mark.parametrize("command", ["evaluate", "adapt"])
def test_strict_is_a_flag_of_what_asks_test_questions(command, tmp_path, monkeypatch):
    told: list[dict] = []

    def asked_with(self, *args, **kwargs):
        told.append(dict(self.settings))
        raise LeakError("seen")

    monkeypatch.setattr(f"graft.api.Workspace.{command}", asked_with)
    for flags in (["--strict", "--set", "retrieve.depth=9"], []):
        monkeypatch.setattr("sys.argv", ["graft", "-w", str(tmp_path), command, *flags])
        with pytest.raises(SystemExit, match="2"):
            main()
    strict, plain = told
    assert strict["evaluate.strict"] in ("true", True) and "retrieve.depth" in strict
    assert "evaluate.strict" not in plain
