"""Workspace in Python: every method, with tiny models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from graft import Workspace
from graft.core.errors import CheckFailed, NotFound
from graft.core.example import SPLITS
from graft.jobs import examples as examples_job
from graft.loop.sets import load_examples
from graft.testing import FakeGenerator
from tests.conftest import SUBJECTS, ask_for_years

SMALL = {
    "evaluate.resamples": "200",
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
    both = ws.ask_all([query, "When was the ladder made?"], principals=["hr"])
    assert [a.question for a in both] == [query, "When was the ladder made?"]
    assert "pay.md" in {hit.document_id for hit in both[0].hits}
    ws.ingest(secret, access=[])
    assert "pay.md" in seen("staff")


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
    assert list(done.results["test-new"].systems) == ["release 0", run.id]

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


def methods() -> Iterator[str]:
    """The public methods of Workspace."""
    for name, _ in inspect.getmembers(Workspace, inspect.isfunction):
        if not name.startswith("_"):
            yield name


@pytest.mark.parametrize("name", methods())
def test_every_method_is_called_on_this_page(name):
    assert f"ws.{name}(" in Path(__file__).read_text()
