"""Example sets as jobs: what comes in, what is kept apart, and what a test may still ask."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from graft.cli.main import main
from graft.core.config import load_config
from graft.core.context import Context, Event
from graft.core.errors import ConfigError, InputError, LeakError
from graft.core.example import OWNER_ALONE, SPLITS, Example
from graft.core.generation import Prompt
from graft.core.runs import Run
from graft.examples.elsewhere import ELSEWHERE
from graft.examples.formats import import_examples
from graft.generate.prompts import GROUNDED
from graft.jobs import examples as examples_job
from graft.jobs.examples import build, check, export, import_, show
from graft.jobs.ingest import ingest
from graft.jobs.promote import promote, propose
from graft.jobs.tune import tune
from graft.loop.dealing import DEV_COPY
from graft.loop.parts import with_run
from graft.loop.questions import TEST_SPLITS, unseen
from graft.loop.releases import settings_of
from graft.loop.sets import load_examples
from graft.testing import FakeGenerator
from graft.wire import Wiring, open_workspace
from tests.conftest import CTX, SMALL, SUBJECTS

pytestmark = pytest.mark.slow


def asked(number: int, article: str = "the") -> str:
    """Return the question of the `beir` folder on the year of a document."""
    colour = "red" if number < len(SUBJECTS) else "blue"
    return f"In which year was {article} {colour} {SUBJECTS[number % len(SUBJECTS)]} made?"


def change(folder: Path, questions: dict[str, str]) -> None:
    """Give questions of a BEIR folder other texts."""
    path = folder / "queries.jsonl"
    rows = {row["_id"]: row for row in map(json.loads, path.read_text().splitlines())}
    for id, text in questions.items():
        rows[id]["text"] = text
    path.write_text("".join(json.dumps(row) + "\n" for row in rows.values()))


def add(folder: Path, split: str, questions: dict[str, tuple[str, str]]) -> None:
    """Add questions, each a text and its document, to a split of a BEIR folder."""
    with (folder / "queries.jsonl").open("a") as queries:
        for id, (text, _) in questions.items():
            queries.write(json.dumps({"_id": id, "text": text}) + "\n")
    path = folder / "qrels" / f"{split}.tsv"
    rows = path.read_text() if path.exists() else "query-id\tcorpus-id\tscore\n"
    path.write_text(rows + "".join(f"{id}\t{d}\t1\n" for id, (_, d) in questions.items()))


def chat(path: Path, rows: list[tuple[str, ...]]) -> Path:
    """Write a chat file: questions, the document that each is about, and a split if one is told."""
    with path.open("w") as file:
        for question, document, *split in rows:
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": "1"}]
            row = {"messages": turns, "documents": [document]}
            file.write(json.dumps(row | ({"split": split[0]} if split else {})) + "\n")
    return path


def ids(workspace: Wiring) -> set[str]:
    return {example.id for example in load_examples(workspace).examples}


def asked_about(examples: list[Example]) -> set[str]:
    return {gold.document_id for example in examples for gold in example.gold}


def asked_in_tests(workspace: Wiring) -> list[Example]:
    found = load_examples(workspace)
    return [example for split in TEST_SPLITS for example in found.split(split)]


def reply(prompt: Prompt) -> str:
    """Ask for the year, the price and the weight by rule; read them by finding the number."""
    shown = prompt[-1]["content"]
    if prompt[0]["content"] != GROUNDED.system:
        [name] = re.findall(r"The (\w+) was made", shown) or ["thing"]
        if "costs ____" in shown:
            return f"How much does the {name} of the smith cost?"
        year = "made in ____" in shown
        return f"In which year was the {name} made?" if year else f"What does the {name} weigh?"
    kinds = {
        "year": r"made in (\d+)",
        "cost": r"costs (\d+ pounds)",
        "weigh": r"weighs (\d+ grams)",
    }
    question = shown.split("Question: ")[-1]
    kind = next((kind for kind in kinds if kind in question), "year")
    found = re.search(kinds[kind], shown)
    return found[1] if found else GROUNDED.decline


@pytest.fixture
def smithy(tmp_path, documents, tiny_models, monkeypatch) -> Wiring:
    """A workspace of thirty documents, with a generator that asks by rule."""
    monkeypatch.setattr(examples_job, "generator", lambda *_: FakeGenerator(reply))
    made = open_workspace(tmp_path / "smithy", {**tiny_models, **SMALL})
    ingest(made, [str(documents)], ctx=CTX)
    return made


def put_into_use(workspace: Wiring, run: Run) -> None:
    number = propose(workspace, [run.id], ctx=CTX)
    promote(workspace, number, force=True, ctx=CTX)


def test_what_a_release_was_trained_on_is_asked_by_no_later_test(smithy, tmp_path):
    first = build(smithy, ctx=CTX)
    run = tune(smithy, "fusion", ctx=CTX)
    put_into_use(smithy, run)
    settings, _ = settings_of(smithy, None)
    learned = set(smithy.ledger.documents_of_run(run.id))
    told: list[Event] = []
    ctx = Context(seed=1, events=told.append)

    second = build(smithy, ctx=ctx)
    assert second["id"] != first["id"] and all(second[split] > 0 for split in SPLITS)
    assert unseen(smithy, settings, [], {"test": asked_in_tests(smithy)}, CTX).left_out == ()
    new = asked_about(load_examples(smithy).split("test-new"))
    assert new and not new & learned
    notes = [event.message for event in told if event.phase == "note"]
    assert any(f"trained on {len(learned)} documents" in note for note in notes)

    made = load_examples(smithy).examples
    rows: list[tuple[str, ...]] = [(e.question, e.gold[0].document_id) for e in made if e.gold]
    dealt = import_(smithy, str(chat(tmp_path / "talk.jsonl", rows)), ctx=ctx)
    assert all(dealt[split] > 0 for split in SPLITS)
    assert unseen(smithy, settings, [], {"test": asked_in_tests(smithy)}, CTX).left_out == ()
    assert not asked_about(load_examples(smithy).split("test-new")) & learned

    (smithy.layout.examples / f"{first['id']}.parquet").unlink()
    told.clear()
    build(smithy, ctx=ctx)
    [warning] = [e.message for e in told if e.phase == "warning" and e.stage == "examples"]
    assert run.id in warning and "gone" in warning
    assert not asked_about(load_examples(smithy).split("test-new")) & learned


def test_a_question_that_another_document_answers_too_is_asked_by_no_test(smithy, monkeypatch):
    first = build(smithy, ctx=CTX)
    [asked, *_] = load_examples(smithy).split("test-new")
    assert first["dropped"].get(ELSEWHERE, 0) == 0
    monkeypatch.setattr(
        examples_job, "answered_elsewhere", lambda made, pools: {asked.id} if pools[2:] else set()
    )
    second = build(smithy, ctx=CTX)
    assert asked.id not in {e.id for e in asked_in_tests(smithy)}
    assert second["dropped"][ELSEWHERE] == 1, "of BM25, dense and both together"
    assert second["dealt"].startswith("test-new keeps")


def test_a_release_that_was_trained_on_every_document_leaves_none_for_test_new(smithy):
    build(smithy, ctx=CTX)
    run = tune(smithy, "fusion", ctx=CTX)
    put_into_use(smithy, run)
    smithy.ledger.record_run(run, run.recipe.data, {f"{subject}.md": "" for subject in SUBJECTS})
    told: list[Event] = []
    made = build(smithy, ctx=Context(events=told.append))
    assert made["test-new"] == 0 < made["test-seen"]
    warnings = [event.message for event in told if event.phase == "warning"]
    assert any("no document is left for test-new" in warning for warning in warnings)


def test_what_hardly_differs_from_a_test_question_is_left_out_of_training(
    workspace, beir, tmp_path
):
    # each is the test's question about another document, with a plural or a small word changed
    weight = "How many gram does the red lantern weigh?"
    change(beir, {"q1-year": asked(0, "a"), "q3-weight": weight})
    whole = import_(workspace, str(beir), split="train", ctx=CTX)
    assert "q1-year" in ids(workspace)
    done = import_(workspace, str(beir), split="train", apart_from=["test"], ctx=CTX)
    assert done["dropped"]["stands in test too"] == 2
    kept = ids(workspace)
    assert not kept & {"q1-year", "q3-weight"} and "q1-weight" in kept
    assert done["train"] + done["dev"] == whole["train"] + whole["dev"] - 2
    run = tune(workspace, "fusion", ctx=CTX)
    used = with_run(settings_of(workspace, None)[0], run)
    test = {"test": import_examples(beir, split="test")}
    assert unseen(workspace, used, [], test, CTX).left_out == ()

    apart = str(chat(tmp_path / "tests.jsonl", [(asked(5), "d5")]))
    done = import_(workspace, str(beir), split="train", apart_from=[apart], ctx=CTX)
    assert done["dropped"] == {f"stands in {apart} too": 1}
    done = import_(workspace, str(beir), split="train", apart_from=[apart, "test"], ctx=CTX)
    assert done["dropped"] == {f"stands in {apart} too": 1, "stands in test too": 2}
    with pytest.raises(InputError, match=r"neither a split of .* nor a file"):
        import_(workspace, str(beir), split="train", apart_from=["dev"], ctx=CTX)
    with pytest.raises(InputError, match="'train' is both the split to take in and one to keep"):
        import_(workspace, str(beir), split="train", apart_from=["train"], ctx=CTX)
    with pytest.raises(InputError, match="nothing to take in"):
        import_(workspace, str(beir), split="train", apart_from=[str(beir)], ctx=CTX)


def test_a_folder_comes_in_whole_with_its_test_as_it_is(workspace, beir, tmp_path):
    change(beir, {"q1-year": asked(0, "a"), "q4-year": asked(2, "a")})
    with pytest.raises(LeakError, match="q1-year"):
        import_(workspace, str(beir), ctx=CTX)
    done = import_(workspace, str(beir), apart_from=["test"], ctx=CTX)
    assert done["dropped"] == {"stands in test too": 1} and done["test-new"] == 60
    assert done["train"] + done["dev"] == 59 and done["dev"] > 0
    # a file of questions kept apart drops none of the test
    apart = str(chat(tmp_path / "tests.jsonl", [(asked(6), "d6"), (asked(7), "d7")]))
    done = import_(workspace, str(beir), apart_from=[apart, "test"], ctx=CTX)
    assert done["dropped"] == {"stands in test too": 1, f"stands in {apart} too": 1}
    assert "q6-year" in ids(workspace) and "q7-year" not in ids(workspace)


def test_of_two_splits_that_are_kept_apart_the_first_one_named_stays_whole(workspace, beir):
    long = "Which smith of the northern valley forged the heavy red iron kettle handle on"
    # two words more are another question; one word more stands between the two
    change(beir, {"q2-year": f"{long}?", "q9-year": f"{long} Monday morning?"})
    dev = {"v0": asked(0, "a"), "v1": asked(1, "a"), "v2": f"{long} Monday?"}
    add(beir, "dev", {id: (question, "d5") for id, question in dev.items()})
    done = import_(workspace, str(beir), apart_from=["test", "dev"], ctx=CTX)
    assert done["dropped"] == {"stands in test too": 2, "stands in dev too": 1}
    assert {"q0-year", "q2-year", "v1", "q9-year"} <= ids(workspace)
    assert not {"v0", "v2", "q1-year"} & ids(workspace)
    done = import_(workspace, str(beir), apart_from=["dev", "test"], ctx=CTX)
    assert done["dropped"] == {"stands in dev too": 4}
    assert {"v0", "v1", "v2"} <= ids(workspace)
    assert not {"q0-year", "q1-year", "q2-year", "q9-year"} & ids(workspace)


def test_the_command_keeps_apart_from_more_than_one(workspace, beir, tmp_path, monkeypatch, capsys):
    change(beir, {"q1-year": asked(0, "a")})
    apart = str(chat(tmp_path / "tests.jsonl", [(asked(7), "d7")]))
    words = ["graft", "-w", str(workspace.layout.root), "examples", "import", str(beir)]
    words += ["--apart-from", "test", "--apart-from", apart, "--json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    told = json.loads(capsys.readouterr().out)
    assert told["dropped"] == {"stands in test too": 1, f"stands in {apart} too": 1}


def test_a_copy_of_a_dealt_dev_question_is_dropped_from_train(workspace, beir):
    # one for each that dev may get, on a document of the test, which dev keeps off
    copies = {f"c{i}": (asked(i, "a"), f"d{i - 1}") for i in range(1, 60, 2)}
    add(beir, "train", copies)
    done = import_(workspace, str(beir), ctx=CTX)
    dev = {example.id for example in load_examples(workspace).split("dev")}
    years = {id for id in dev if id.endswith("-year")}
    assert years and done["dropped"] == {DEV_COPY: len(years)}
    assert not {f"c{id[1:].removesuffix('-year')}" for id in years} & ids(workspace)
    assert check(workspace)["leaks"] == 0


def test_questions_named_test_seen_are_so_only_on_documents_of_train(workspace, tmp_path):
    told: list[Event] = []
    ctx = Context(events=told.append)
    rows: list[tuple[str, ...]] = [(asked(i), f"d{i}") for i in range(4)]
    talk = str(chat(tmp_path / "talk.jsonl", rows))
    done = import_(workspace, talk, split="test-seen", ctx=ctx)
    assert (done["test-new"], done["test-seen"], done["dropped"]) == (4, 0, {})
    [note] = [event.message for event in told if event.phase == "note"]
    assert note.startswith("4 test questions") and note.endswith(": test-new")

    rows = [(asked(0), "d0", "train"), (asked(1), "d1", "dev"),
            (f"{asked(0)} By whom?", "d0", "test-seen"),
            ("Who has the blue bell?", "d1", "test-seen"),
            (asked(2), "d2", "test-seen"),
            ("Who holds the red rope?", "d0", "test-new")]  # fmt: skip
    done = import_(workspace, str(chat(tmp_path / "talk.jsonl", rows)), ctx=ctx)
    assert done["dropped"] == {"document of dev alone": 1}
    assert (done["train"], done["dev"], done["test-seen"], done["test-new"]) == (1, 1, 2, 1)


def test_questions_that_name_no_document_are_told_to_teach_nothing(workspace, tmp_path):
    path = chat(tmp_path / "talk.jsonl", [(asked(0), "d0", "train"), (asked(1), "d1", "dev")])
    turns = [{"role": "user", "content": "Who is it?"}, {"role": "assistant", "content": "Me."}]
    path.write_text(path.read_text() + json.dumps({"messages": turns}) + "\n")
    told: list[Event] = []
    import_(workspace, str(path), ctx=Context(events=told.append))
    [warning] = [event.message for event in told if event.phase == "warning"]
    assert warning.startswith("1 questions name no document: nothing is trained on them")


def test_rows_that_cannot_be_used_are_counted_and_named_unless_it_is_strict(workspace, tmp_path):
    path = chat(tmp_path / "talk.jsonl", [(asked(0), "d0", "train"), (asked(1), "d1", "dev")])
    turns = [{"role": "user", "content": "Who?"}, {"role": "tool", "content": "x"}]
    path.write_text("{\n" + path.read_text() + json.dumps({"messages": turns}) + "\n")
    told: list[Event] = []
    done = import_(workspace, str(path), ctx=Context(events=told.append))
    assert done["dropped"] == {"not valid JSON": 1, "a turn of a tool": 1}
    assert (done["train"], done["dev"]) == (1, 1)
    [warning] = [event.message for event in told if event.phase == "warning"]
    assert warning.startswith("2 rows are left out (not valid JSON: 1, a turn of a tool: 1); ")
    assert "line 1: not valid JSON" in warning and "line 4: " in warning
    with pytest.raises(InputError, match="line 1: not valid JSON"):
        import_(workspace, str(path), strict=True, ctx=CTX)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"makers.reason": -1}, "setting 'examples.makers.reason' is -1"),
        ({"unanswerable": 1}, "setting 'examples.unanswerable' is 1"),
        ({"dev": "0.4", "test_seen": "0.6"}, "dev and test_seen take 1 of the questions"),
        ({"dev": 0.9}, "leaves nothing to train on: together they must stay below 1"),
    ],
)
def test_shares_that_cannot_be_are_refused_before_a_question_is_made(flags, told):
    with pytest.raises(ConfigError, match="setting 'examples") as error:
        load_config(flags={f"examples.{name}": value for name, value in flags.items()})
    assert told in str(error.value)


def test_shares_that_add_up_to_one_are_taken():
    flags = {"examples.unanswerable": 0.4, "examples.makers.gap": "0.6", "examples.dev": 0.84}
    assert load_config(flags=flags, variables={}).examples.makers == {"gap": 0.6}


def test_the_share_of_free_questions_says_what_took_its_place(tmp_path):
    for given in ({"flags": {"examples.free": 0.5}}, {"variables": {"GRAFT_EXAMPLES_FREE": "0.5"}}):
        with pytest.raises(ConfigError, match=r"examples.free went.*examples.makers.heading"):
            load_config(**given)
    with pytest.raises(ConfigError, match="there is no maker 'reasons', did you mean 'reason'"):
        open_workspace(tmp_path, {"examples.makers.reasons": 1})


def test_examples_name_those_who_may_see_what_they_were_made_from(smithy, documents, tmp_path):
    ingest(smithy, [str(documents / "anchor.md")], access=["hr", "board"], ctx=CTX)
    ingest(smithy, [str(documents / "basket.md")], access=["hr"], ctx=CTX)
    ingest(smithy, [str(documents / "bottle.md")], access=["works"], ctx=CTX)
    build(smithy, ctx=CTX)
    made = load_examples(smithy).examples
    of = {e.gold[0].document_id: e.access for e in made if e.gold}
    assert of["anchor.md"] == ("board", "hr") and of["candle.md"] == ()
    path = tmp_path / "both.jsonl"
    rows = [("anchor.md", "basket.md"), ("basket.md", "bottle.md"), ("candle.md", "bottle.md")]
    path.write_text("".join(
        json.dumps({"prompt": f"What is said of {a} and {b}?", "completion": "1",
                    "documents": [a, b]}) + "\n" for a, b in rows
    ))  # fmt: skip
    import_(smithy, str(path), split="train", ctx=CTX)
    asked = {tuple(e.grades): e.access for e in load_examples(smithy).examples}
    assert asked == dict(zip(rows, [("hr",), OWNER_ALONE, ("works",)], strict=True))


def test_what_is_shown_of_an_example_is_what_it_holds(workspace, tmp_path):
    told = {"documents": ["d0", "d1"], "grades": [3, 1], "rejected": ["1700"]}
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"id": "q", "prompt": asked(0), "completion": "1800"} | told))
    import_(workspace, str(path), split="train", ctx=CTX)
    [row] = show(workspace)
    assert row.pop("gold") == ["d0:27-31 (grade 3)", "d1"]
    assert row == {
        "id": "q", "split": "train", "kind": "free", "question": asked(0), "answers": ["1800"],
        "rejected": ["1700"], "group": "d0", "access": [],
    }  # fmt: skip
    assert export(workspace, str(tmp_path / "out.jsonl"), format="preferences") == 1
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert (row["chosen"], row["rejected"], row["grades"]) == ("1800", "1700", [3, 1])
