"""Workspace in Python: every method, with tiny models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from graft import Workspace
from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.errors import CheckFailed, ConfigError, InputError, NotFound
from graft.core.example import SPLITS
from graft.core.search import Filter, Search
from graft.core.where import parse_where
from graft.jobs import examples as examples_job
from graft.jobs.evaluate import Beir
from graft.loop.recipes import Asked
from graft.loop.sets import load_examples
from graft.testing import FakeGenerator
from tests.conftest import SUBJECTS, ask_for_years

pytestmark = pytest.mark.slow

SMALL = {
    "evaluate.limit": "4",
    "examples.limit": "8",
    "adapt.edited_facts": "0",
}


@pytest.fixture
def root(tmp_path: Path, tiny_models: dict[str, str]) -> Path:
    """A folder whose graft.toml names tiny models."""
    folder = tmp_path / "ws"
    folder.mkdir()
    rows = [f"{k} = {v if v.isdigit() else repr(v)}\n" for k, v in (tiny_models | SMALL).items()]
    (folder / "graft.toml").write_text("".join(rows) + 'adapt.parts = ["fusion"]\n')
    return folder


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A BEIR folder: ten documents asked about in train, ten in train and test, ten in test."""
    folder = tmp_path / "questions"
    (folder / "qrels").mkdir(parents=True)
    queries, answers = [], []
    qrels: dict[str, list[str]] = {"train": [], "test": []}
    for number, subject in enumerate(SUBJECTS):
        both = 10 <= number < 20
        for kind, question, answer, split in (
            ("year", "In which year was the {} made?", 1800, "test" if number >= 20 else "train"),
            ("grams", "How many grams does the {} weigh?", 20,
             "test" if both or number >= 20 else "train"),
        ):  # fmt: skip
            id = f"{subject}-{kind}"
            queries.append({"_id": id, "text": question.format(subject)})
            answers.append({"_id": id, "answers": [str(answer + number)]})
            qrels[split].append(f"{id}\t{subject}.md\t1\n")
    for name, rows in (("queries", queries), ("answers", answers)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for split, lines in qrels.items():
        (folder / "qrels" / f"{split}.tsv").write_text("".join(lines))
    return folder


def test_ask_and_search_see_what_their_principals_may(root, documents, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "pay.md").write_text("# Pay\n\nThe kettle maker earns 900 pounds.\n")
    ws = Workspace(root)
    assert ws.ingest(documents).added == 30
    assert ws.ingest(str(secret), access=["hr"]).added == 1
    query = "what the kettle maker earns"

    def seen(*names: str) -> set[str]:
        return {hit.document_id for hit in ws.search(query, 5, principals=names).hits}

    assert ws.search(query, limit=1).hits[0].document_id == "pay.md"
    assert "pay.md" in seen("hr") and "pay.md" not in seen("staff")
    (secret / "pay.md").write_text("# Pay\n\nThe kettle maker earns 1,900 pounds.\n")
    assert ws.ingest(secret).updated == 1
    assert "pay.md" not in seen("staff"), "an ingest without a word on access opens nothing"
    answer = ws.ask(query, principals=["staff"])
    assert answer.release == "0" and answer.hits
    assert "pay.md" not in {hit.document_id for hit in answer.hits}
    questions = [Search(query, principals=frozenset({"hr"})), "When was the ladder made?",
                 Search(query, principals=frozenset({"staff"}))]  # fmt: skip
    both = ws.ask_all(questions)
    assert [a.question for a in both] == [query, "When was the ladder made?", query]
    assert "pay.md" not in {hit.document_id for hit in both[2].hits}
    assert "pay.md" in {hit.document_id for hit in both[0].hits}
    ws.ingest(secret, access=[])
    assert "pay.md" in seen("staff")


@pytest.fixture
def talking(monkeypatch) -> FakeGenerator:
    """A generator that answers every question with the same words, and keeps the prompts."""
    made = FakeGenerator(lambda _: "It was made in 1800 by a smith.")
    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: made)
    return made


def test_a_search_carries_its_history_filter_and_asker(root, documents, talking):
    ws = Workspace(root, {"retrieve.pipeline": "follow_up >> bm25"})
    ws.ingest(documents)
    past = (
        {"role": "user", "content": "When was the kettle made?"},
        {"role": "assistant", "content": "In 1800."},
    )
    bare = ws.search("And how heavy is it?", 3)
    follow_up = Search("And how heavy is it?", history=past)
    assert ws.search(follow_up, 1).hits[0].document_id == "kettle.md"
    assert "kettle.md" not in {hit.document_id for hit in bare.hits}
    answer = ws.ask(follow_up)
    assert answer.hits[0].document_id == "kettle.md"
    assert [turn["content"] for turn in talking.seen[-1][1:3]] == [turn["content"] for turn in past]

    only = Search("made by a smith", filter=Filter(where=parse_where('id ~ "h*" and title != "x"')))
    assert {h.document_id for h in ws.search(only, 9).hits} == {"hammer.md", "helmet.md"}
    assert {h.document_id for h in ws.ask(only).hits} <= {"hammer.md", "helmet.md"}
    two = ws.ask_all([only, follow_up, "When was the anchor made?"])
    assert [a.question for a in two] == [
        "made by a smith",
        follow_up.query,
        "When was the anchor made?",
    ]
    assert two[0].hits == ws.ask(only).hits


def test_a_stream_ends_in_the_answer_that_ask_gives(root, documents, talking):
    ws = Workspace(root)
    ws.ingest(documents)
    *pieces, last = ws.stream("When was the kettle made?", principals=[])
    assert "".join(map(str, pieces)) == "It was made in 1800 by a smith." and len(pieces) > 1
    assert isinstance(last, Answer) and last == ws.ask("When was the kettle made?", principals=[])
    assert len(ws.wiring.ledger.answers()) == 2


def test_a_chat_sends_what_was_said_as_far_as_it_fits(root, documents, talking):
    ws = Workspace(root)
    with pytest.raises(NotFound, match="graft ingest"):
        ws.chat()
    ws.ingest(documents)
    talk = ws.chat(principals=[], filter=Filter(under="k"))
    first = talk.ask("When was the kettle made?")
    assert talk.last == first and first.citations and first.release == "0"
    *_, second = talk.stream("And how heavy is it?")
    assert isinstance(second, Answer) and {h.document_id[0] for h in second.hits} == {"k"}
    turns = [(t["role"], t["content"]) for t in talking.seen[-1]]
    assert turns[1:3] == [("user", "When was the kettle made?"), ("assistant", first.text)]
    assert len(turns) == 4 and "Question: And how heavy is it?" in turns[3][1]
    talking.context_tokens = 700
    for number in range(60):
        talk.ask(f"{number}: When was the kettle made, and by whom, and where, and for how much?")
    sent = talking.seen[-1]
    assert talking.count_tokens(sent) <= talking.context_tokens - 8
    assert 4 < len(sent) < len(talk.history) == 124
    assert sent[-2]["content"] == talk.history[-3]["content"], "the newest turns are kept"
    talk.clear()
    talk.ask("When was the kitchen made?")
    assert len(talking.seen[-1]) == 2 and len(talk.history) == 2


def test_a_release_that_learned_from_what_is_closed_serves_others_without(
    root, documents, questions, tmp_path
):
    ws = Workspace(root)
    (tmp_path / "closed").mkdir()
    (documents / "kettle.md").rename(tmp_path / "closed" / "kettle.md")
    ws.ingest(documents)
    ws.ingest(tmp_path / "closed", access=["hr"])
    ws.import_examples(questions)
    run = ws.tune("fusion")
    assert "kettle.md" in ws.wiring.ledger.documents_of_run(run.id)
    assert ws.promote(ws.propose(run.id), force=True) == 1
    asked = "When was the ladder made?"
    assert ws.ask(asked).release == ws.ask(asked, principals=["hr"]).release == "1"
    told = f"1 (without {run.id})"
    assert ws.ask(asked, principals=["it"]).release == told
    both = ws.ask_all([Search(asked, principals=frozenset({"hr"})), Search(asked)])
    assert [answer.release for answer in both] == ["1", "1"]
    *_, last = ws.stream(asked, principals=[])
    assert isinstance(last, Answer) and last.release == told
    assert ws.wiring.ledger.answers()[-1]["release"] == told
    before = ws.search(asked, principals=["it"], release=0)
    assert ws.search(asked, principals=["it"]).hits == before.hits != ws.search(asked).hits
    ws.ingest(tmp_path / "closed", access=[])
    assert ws.ask(asked, principals=["it"]).release == "1"


def test_a_workspace_that_cannot_be_opened_says_so_when_it_is_used(tmp_path):
    (tmp_path / "graft.toml").write_text("retrieve.dept = 3")
    ws = Workspace(tmp_path)
    with pytest.raises(ConfigError, match=r"retrieve\.depth"):
        ws.list_releases()
    assert {check.name: check.status for check in ws.doctor()}["settings"] == "missing"
    assert not (tmp_path / ".graft").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        Workspace(tmp_path / "file")


def test_settings_given_in_python_count_over_the_release(root, documents):
    Workspace(root).ingest(documents)
    found = Workspace(root, {"retrieve": {"pipeline": "bm25"}}).search("the kettle", 1)
    assert set(found.hits[0].stages) == {"bm25"}
    answer = Workspace(root, {"retrieve.pipeline": "bm25"}).ask("When was the kettle made?")
    assert set(answer.hits[0].stages) == {"bm25"} and answer.release == "0 (changed)"


def test_test_questions_are_new_or_seen_by_what_is_trained_on(root, documents, questions):
    ws = Workspace(root)
    ws.ingest(documents)
    counts = ws.import_examples(questions)
    assert (counts["test-seen"], counts["test-new"]) == (10, 20) and counts["dropped"] == {}
    assert counts["dev"] > 0 and counts["train"] + counts["dev"] == 30
    found = load_examples(ws.wiring, counts["id"])
    sides = {name: {e.gold[0].document_id for e in found.split(name)}
             for name in ("train", "dev", "test-seen", "test-new")}  # fmt: skip
    assert sides["test-seen"] <= sides["train"] and not sides["test-new"] & sides["train"]
    assert not sides["dev"] & (sides["test-seen"] | sides["train"])
    assert ws.import_examples(questions, split="test")["test-new"] == 30
    assert ws.import_examples(questions, split="train", limit=12)["test-new"] == 0


def test_where_the_test_asks_about_every_training_document_dev_does_too(root, documents, questions):
    (questions / "qrels" / "train.tsv").write_text(
        "".join(f"{subject}-year\t{subject}.md\t1\n" for subject in SUBJECTS)
    )
    (questions / "qrels" / "test.tsv").write_text(
        "".join(f"{subject}-grams\t{subject}.md\t1\n" for subject in SUBJECTS)
    )
    ws = Workspace(root)
    ws.ingest(documents)
    counts = ws.import_examples(questions)
    assert counts["test-new"] == 0 and counts["train"] + counts["dev"] == 30
    assert counts["test-seen"] == 30 - counts["dropped"].get("document of dev alone", 0) > 20


def test_questions_are_tuned_on_evaluated_and_judged(root, documents, questions):
    ws = Workspace(root)
    ws.ingest(documents)
    made = ws.import_examples(questions)
    run = ws.tune("fusion", examples=made["id"])
    assert run.part == "fusion" and (ws.wiring.layout.runs / run.id).exists()
    done = ws.evaluate(examples=made["id"], limit=3)
    assert {"test-new", "test-seen"} == set(done.results) and done.report.exists()
    assert done.results["test-new"].n == 3
    again = ws.evaluate_again(done.id)
    assert again.id == done.id and again.to_dict() == done.to_dict()
    done = ws.compare(runs=[run.id], examples=made["id"], limit=3)
    assert list(done.results["test-new"].systems)[:2] == ["release 0", run.id]

    adapted = ws.adapt(examples=made["id"])
    assert adapted.report.exists() and not adapted.promoted
    with pytest.raises(CheckFailed, match="--force"):
        ws.promote(adapted.release)
    assert ws.promote(adapted.release, force=True) == adapted.release
    assert ws.ask("When was the kettle made?").release == str(adapted.release)
    assert ws.rollback() == 0
    with pytest.raises(NotFound):
        ws.rollback()


def test_questions_are_made_from_the_documents(root, documents, monkeypatch):
    monkeypatch.setattr(examples_job, "generator", lambda *_: FakeGenerator(ask_for_years))
    ws = Workspace(root)
    ws.ingest(documents)
    counts = ws.build_examples()
    assert counts["dropped"] and sum(counts[split] for split in SPLITS) > 0
    assert load_examples(ws.wiring).id == counts["id"]


CONTEXT = Context(seed=3)
ANYONE = Search("Who?", principals=frozenset({"hr"}))
Call = tuple[Callable[[Workspace], object], str, tuple[object, ...], dict[str, object]]
CALLS: dict[str, Call] = {
    "init": (lambda ws: ws.init(), "init.init", (), {}),
    "ingest": (
        lambda ws: ws.ingest("a", Path("b"), access=["hr"]), "ingest.ingest", (["a", "b"],),
        {"access": ["hr"], "wait": 2.0},
    ),
    "list_documents": (lambda ws: ws.list_documents(), "library.list_documents", (), {}),
    "show_document": (lambda ws: ws.show_document("a"), "library.show_document", ("a",), {}),
    "remove_documents": (
        lambda ws: ws.remove_documents("a", "b", under=Path("c"), purge=True),
        "remove.remove_documents", (("a", "b"),), {"under": "c", "purge": True, "wait": 2.0},
    ),
    "search": (
        lambda ws: ws.search("Who?", 3, release=1, principals=["hr"]), "search.search", (ANYONE,),
        {"limit": 3, "release": 1},
    ),
    "ask": (
        lambda ws: ws.ask("Who?", release=1, principals=["hr"]), "ask.ask", ([ANYONE],),
        {"release": 1},
    ),
    "ask_all": (
        lambda ws: ws.ask_all(["Who?", Search("Why?")], principals=iter(["hr"])), "ask.ask",
        ([ANYONE, replace(ANYONE, query="Why?")],), {"release": None},
    ),
    "stream": (lambda ws: ws.stream(ANYONE, release=1), "ask.stream", (ANYONE,), {"release": 1}),
    "chat": (
        lambda ws: ws.chat(release=1, filter=Filter(under="hr/"), principals=["hr"]), "chat.chat",
        (replace(ANYONE, query="", filter=Filter(under="hr/")),), {"release": 1},
    ),
    "build_examples": (lambda ws: ws.build_examples(), "examples.build", (), {}),
    "import_examples": (
        lambda ws: ws.import_examples(
            Path("a"), split="dev", apart_from=["b"], limit=4, strict=True
        ),
        "examples.import_", ("a",),
        {"split": "dev", "apart_from": ["b"], "limit": 4, "strict": True},
    ),
    "export_examples": (
        lambda ws: ws.export_examples(Path("a"), format="beir", examples="e"), "examples.export",
        ("a",), {"format": "beir", "examples": "e"},
    ),
    "list_examples": (lambda ws: ws.list_examples(), "examples.list_sets", (), {}),
    "check_examples": (
        lambda ws: ws.check_examples("e"), "examples.check", (), {"examples": "e"},
    ),
    "show_examples": (
        lambda ws: ws.show_examples(split="dev", limit=4, examples="e"), "examples.show", (),
        {"split": "dev", "limit": 4, "examples": "e"},
    ),
    "tune": (
        lambda ws: ws.tune("generator", examples="e", objective="closed-book", adapter="lora"),
        "tune.tune", ("generator",),
        {"examples": "e", "asked": Asked("closed-book", None, "lora"), "wait": 2.0},
    ),
    "evaluate": (
        lambda ws: ws.evaluate(examples="e", cells={"ft": "r"}, limit=4), "evaluate.evaluate", (),
        {"examples": "e", "cells": {"ft": "r"}, "limit": 4},
    ),
    "evaluate_again": (
        lambda ws: ws.evaluate_again("e", "f"), "evaluate.evaluate_again", (("e", "f"),), {},
    ),
    "evaluate_beir": (
        lambda ws: ws.evaluate_beir(Path("a"), ["r"], split="dev", cells={"ft": "s"}, limit=4),
        "evaluate.evaluate_beir", (Beir("a", "dev", 4), ["r"]), {"cells": {"ft": "s"}},
    ),
    "compare": (
        lambda ws: ws.compare([1], ["r"], examples="e", limit=4), "evaluate.evaluate_systems",
        ([1], ["r"]), {"examples": "e", "limit": 4},
    ),
    "adapt": (
        lambda ws: ws.adapt(Path("a"), examples="e", promote=True), "adapt.adapt", (["a"],),
        {"examples": "e", "promote": True, "wait": 2.0},
    ),
    "demo": (lambda ws: ws.demo(), "demo.demo", (), {}),
    "list_releases": (lambda ws: ws.list_releases(), "release.list_releases", (), {}),
    "show_release": (lambda ws: ws.show_release(1), "release.show_release", (1,), {}),
    "propose": (
        lambda ws: ws.propose("r", "s"), "promote.propose", (("r", "s"),), {"wait": 2.0},
    ),
    "promote": (
        lambda ws: ws.promote(1, force=True), "promote.promote", (1,), {"force": True, "wait": 2.0},
    ),
    "rollback": (lambda ws: ws.rollback(), "promote.rollback", (), {"wait": 2.0}),
    "doctor": (lambda ws: ws.doctor(), "doctor.doctor", (), {}),
}  # fmt: skip
"""Every method: a call of it, the job that it is, and what that has to be given."""

OF_A_FOLDER = ("init", "doctor", "demo")
"""Those that work where there is no workspace yet, or one that cannot be opened."""

CALM = ("init", "doctor", "list_documents", "show_document", "export_examples", "list_examples",
        "check_examples", "show_examples", "list_releases", "show_release")  # fmt: skip
"""Those that take no context: there is nothing to watch or to stop."""


def test_every_method_stands_in_the_table():
    methods = {name for name, _ in inspect.getmembers(Workspace, inspect.isfunction)}
    assert {name for name in methods if not name.startswith("_")} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_method_gives_its_job_all_that_it_was_given(name, tmp_path, monkeypatch):
    call, job, wanted, more = CALLS[name]
    given: list[object] = []
    told = ["done"]

    def recorded(*args: object, **named: object) -> object:
        given.extend([args, named])
        return told

    monkeypatch.setattr(f"graft.jobs.{job}", recorded)
    ws = Workspace(tmp_path, context=CONTEXT, wait=2.0)
    found = call(ws)
    assert found is told or (name == "ask" and found == "done")
    first = tmp_path if name in OF_A_FOLDER else ws.wiring
    assert given == [(first, *wanted), more if name in CALM else {**more, "ctx": CONTEXT}]


def test_who_asks_is_said_once():
    with pytest.raises(InputError, match="says itself who asks"):
        Workspace().ask(ANYONE, principals=["legal"])
