"""The whole loop with tiny random models: every part runs, and nothing unearned is promoted."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from graft.answer.rules import RULES
from graft.core.errors import CheckFailed, InputError, LeakError, NotFound
from graft.jobs import adapt as adapting
from graft.jobs.adapt import adapt
from graft.jobs.evaluate import Beir, evaluate, evaluate_beir, evaluate_systems
from graft.jobs.examples import check, export, import_, list_sets, show
from graft.jobs.promote import promote, propose
from graft.jobs.release import list_releases, show_release
from graft.jobs.tune import tune
from graft.loop import freshness
from graft.loop.joining import Gain
from graft.loop.looks import look_at
from graft.loop.parts import with_run
from graft.loop.questions import unseen
from graft.loop.releases import settings_of
from graft.loop.sets import load_examples
from graft.loop.spaces import ensure_space
from graft.testing import FakeGenerator
from graft.testing.tiny import tiny_encoder
from graft.wire import fusion_weights, library, open_workspace, reading
from tests.conftest import CTX, SMALL

pytestmark = pytest.mark.slow


def test_imported_questions_are_split_by_document_and_checked(workspace, beir, tmp_path):
    counts = import_(workspace, str(beir), split="train", ctx=CTX)
    assert counts["train"] > 40 and counts["dev"] > 2 and counts["test-new"] == 0
    found = load_examples(workspace)
    held_out = {g.document_id for e in found.split("dev") for g in e.gold}
    assert not held_out & {g.document_id for e in found.split("train") for g in e.gold}
    told = check(workspace)
    assert told["leaks"] == 0 and told["gold"]["found"] == len(found.examples)
    assert show(workspace, split="dev", limit=2)[0]["gold"]
    [row] = list_sets(workspace)
    assert row["id"] == found.id and row["counts"] == found.counts
    assert export(workspace, str(tmp_path / "out.jsonl")) == len(found.examples)


def test_retrieval_on_a_beir_folder_is_scored_with_intervals(workspace, beir):
    done = evaluate_beir(workspace, Beir(str(beir), limit=20), ctx=CTX)
    result = done.to_dict()["splits"]["test"]
    assert set(result["systems"]) == {"bm25", "dense", "hybrid"} and result["n"] == 20
    # every document is named by words that stand in its question alone
    assert result["systems"]["bm25"]["nDCG@10"]["mean"] > 0.6
    assert done.report.read_text().startswith("<!doctype html>")
    again = evaluate_beir(workspace, Beir(str(beir), limit=20), ctx=CTX)
    assert again.to_dict()["splits"]["test"]["systems"] == result["systems"]


def test_each_part_is_tuned_into_a_run_with_its_lineage(workspace, beir):
    import_(workspace, str(beir), split="train", ctx=CTX)
    parts = ("retriever", "fusion", "reranker", "generator")
    for part in parts:
        run = tune(workspace, part, ctx=CTX)
        assert (workspace.layout.runs / run.id / "recipe.json").exists() and run.part == part
        learned = workspace.ledger.documents_of_run(run.id)
        test = {f"d{i}" for i in range(0, 60, 2)}
        gold = {g.document_id for e in load_examples(workspace).examples for g in e.gold}
        assert gold & set(learned) and not gold & test
    assert [row["part"] for row in workspace.ledger.runs()] == list(parts)


def test_fitted_fusion_weights_are_what_a_release_searches_with(workspace, beir):
    import_(workspace, str(beir), split="train", ctx=CTX)
    run = tune(workspace, "fusion", ctx=CTX)
    # the encoder is random, and every document is named by words of its question
    fitted = json.loads((workspace.layout.runs / run.id / "adapter" / "weights.json").read_text())
    assert fitted["bm25"] == 1.0 > fitted["dense"]
    assert run.after["nDCG@10"] > run.before["nDCG@10"]
    number = propose(workspace, [run.id], ctx=CTX)
    assert workspace.releases.current_number() == 0
    release = workspace.releases.get(number)
    assert release.lineage.runs == (run.id,)
    assert release.lineage.example_sets == (load_examples(workspace).id,)
    held = library(workspace)
    assert fusion_weights(workspace, release.settings, held) == {**fitted, "bm25": 1.0}
    before = evaluate_beir(workspace, Beir(str(beir)), ctx=CTX).results["test"]
    promote(workspace, number, force=True, ctx=CTX)
    after = evaluate_beir(workspace, Beir(str(beir)), ctx=CTX).results["test"]
    assert after.systems["bm25"] == before.systems["bm25"]
    assert after.systems["hybrid"]["nDCG@10"].mean > before.systems["hybrid"]["nDCG@10"].mean
    assert show_release(workspace, number)["lineage"]["runs"][0]["documents"]


def test_the_whole_loop_ends_in_a_verdict_a_release_and_a_report(workspace, beir):
    counts = import_(workspace, str(beir), ctx=CTX)
    assert counts["dev"] and counts["test-new"] == 60
    told: list[str] = []
    ctx = replace(CTX, events=lambda event: told.append(event.message))
    done = adapt(workspace, [], examples=counts["id"], ctx=ctx)
    assert done.verdict.outcome != "promote", "random weights cannot have earned a release"
    assert "reranker" not in done.runs
    assert any("no reranker is tuned: it takes 200 training questions" in text for text in told)
    assert any("test-new, on" in text and "four times in five" in text for text in told)
    assert "1.52%" in done.verdict.basis
    asked = load_examples(workspace).split("test-new")
    assert look_at(workspace, asked, "") == 2
    # Not even as wrong passages were the new documents shown.
    new = {g.document_id for e in load_examples(workspace).split("test-new") for g in e.gold}
    for id in done.runs.values():
        learned = set(workspace.ledger.documents_of_run(id))
        assert learned and not learned & new
    cells = done.results["test-new"].systems
    assert list(cells)[:4] == ["base", "rag", "ft", "rag+ft"] and len(cells) == 10 + len(RULES)
    ladder = done.results["test-new ladder"]
    assert done.results["test-new"].n == int(SMALL["evaluate.limit"]), "cells are asked a sample"
    assert ladder.n == len(asked) == 60, "and what the gate judges all"
    assert next(iter(ladder.systems)) == "in use" and list(ladder.systems)[-3] == "+threshold"
    assert "Recall@10" in ladder.systems["in use"]
    page = done.report.read_text()
    assert done.verdict.sentence in page and "rag+ft" in page
    assert workspace.releases.current_number() == 0
    with pytest.raises(CheckFailed, match="--force"):
        promote(workspace, done.release, ctx=CTX)
    shown = show_release(workspace, done.release)
    assert shown["lineage"]["example_sets"][0]["id"] == counts["id"]
    assert shown["lineage"]["evaluations"][0]["detail"]["verdict"] == done.verdict.outcome
    if "+generator" in shown["note"]:
        assert shown["lineage"]["runs"][-1]["documents"]
    assert promote(workspace, done.release, force=True, ctx=CTX) == done.release
    assert [row["current"] for row in list_releases(workspace)] == [False, True]


def test_a_run_is_not_scored_on_questions_that_it_was_trained_on(workspace, beir, tmp_path):
    import_(workspace, str(beir), split="train", ctx=CTX)
    run = tune(workspace, "generator", ctx=CTX)
    settings = settings_of(workspace, None)[0]
    trained = load_examples(workspace).split("train")
    with pytest.raises(LeakError, match=f"{run.id} was trained on"):
        unseen(workspace, settings, [run], {"test-new": trained[:1]}, CTX)
    with pytest.raises(LeakError, match="was trained on"):
        evaluate_beir(workspace, Beir(str(beir), "train", 3), cells={}, ctx=CTX)
    # a run that is part of the release in use is looked at too
    with pytest.raises(LeakError, match="was trained on"):
        used = with_run(settings, run)
        unseen(workspace, used, [], {"test-new": trained[:1]}, CTX)
    done = evaluate_beir(workspace, Beir(str(beir), limit=6), cells={"rag+ft": run.id}, ctx=CTX)
    cells = done.results["test answers"].systems
    assert list(cells)[:3] == ["base", "rag", "rag+ft"] and "ft" not in cells
    with pytest.raises(NotFound, match="no run"):
        evaluate(workspace, cells={"rag+ft": "generator-0"}, ctx=CTX)


def test_a_retriever_that_gains_is_searched_with_by_the_parts_after_it(
    workspace, beir, monkeypatch
):
    counts = import_(workspace, str(beir), ctx=CTX)

    original = adapting.tune_part

    def other(place, part, material, *, asked, ctx):
        run = original(place, part, material, asked=asked, ctx=ctx)
        if part == "retriever":
            # Random weights learn nothing here, so that the run would hold those it began with.
            shutil.rmtree(run.weights)
            tiny_encoder(run.weights, seed=5)
            about = json.loads((run.folder / "run.json").read_text())
            bare = about["artefacts"][0] | {"probe": None, "digest": ""}
            (run.folder / "run.json").write_text(json.dumps({**about, "artefacts": [bare]}))
        return run

    monkeypatch.setattr(adapting, "tune_part", other)
    gain = Gain("nDCG@10", before=0.1, after=0.9, error=0.1, n=20)
    monkeypatch.setattr(adapting, "gain_of", lambda *_: gain)
    monkeypatch.setattr(adapting, "LESSONS", 1)
    done = adapt(workspace, [], examples=counts["id"], ctx=CTX)
    rungs = list(done.results["test-new ladder"].systems)
    assert rungs[:4] == ["in use", "+retriever", "+fusion", "+reranker"]
    runs = workspace.releases.get(done.release).lineage.runs
    assert set(done.runs.values()) >= set(runs) and len(runs) >= 3
    promote(workspace, done.release, force=True, ctx=CTX)
    assert len(library(workspace).spaces) == 2
    # Flags count over a release too, so it is asked as it is pinned.
    plain = {key: value for key, value in SMALL.items() if key.startswith("evaluate.")}
    served = open_workspace(workspace.layout.root, plain)
    told = evaluate_systems(served, [0, done.release], limit=60, ctx=CTX)
    told = told.results["test-new"].to_dict()["systems"]
    ladder = done.results["test-new ladder"].to_dict()["systems"]
    assert told["release 0"] == ladder["in use"]
    assert told["release 1"] == ladder["+threshold"]


def test_what_would_fail_at_the_end_fails_before_anything_is_trained(workspace, beir):
    import_(workspace, str(beir), split="train", ctx=CTX)
    with pytest.raises(InputError, match="test-new has no question"):
        adapt(workspace, [], examples=load_examples(workspace).id, ctx=CTX)
    assert not workspace.ledger.runs()


def test_an_edited_fact_is_answered_from_the_edited_copy_alone(
    workspace, beir, monkeypatch, tmp_path
):
    import_(workspace, str(beir), ctx=CTX)
    settings = settings_of(workspace, None)[0]
    examples = load_examples(workspace).split("test-new")

    def answer(prompt):
        question = prompt[-1]["content"].split("Question: ")[-1]
        name = re.search(r"the (\w+ \w+) (?:made|weigh)", question)[1]
        shown = next((p for p in prompt[-1]["content"].split("\n\n") if f"The {name} was" in p), "")
        found = re.search(r"in (\d+) by" if "year" in question else r"weighs (\d+)", shown)
        return found[1] if found else "It is not known."

    fake = FakeGenerator(answer)
    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: fake)
    held = reading(workspace, settings)
    before = held.document("d0").text
    chosen = freshness.edits(workspace, settings, examples, count=3, ctx=CTX)
    assert len(chosen) == 3
    for example, new in chosen:
        assert new != example.answers[0] and new.isdigit()
    # Also beside the space of another encoder, as a tuned retriever has it.
    other = str(tiny_encoder(tmp_path / "other", seed=5))
    encoder = settings.encoder.model_copy(update={"model": other})
    with workspace.layout.writer():
        ensure_space(workspace, settings.model_copy(update={"encoder": encoder}), ctx=CTX)
    fresh = freshness.by_sync(workspace, settings, chosen, wait=0, ctx=CTX)
    assert (fresh.facts, fresh.right) == (3, 3) and fresh.seconds > 0
    assert reading(workspace, settings).document("d0").text == before

    # A whole sentence is edited too, also one that goes over a line's end.
    told = []
    for example in (e for e in examples if e.id.endswith("-year")):
        [gold] = example.gold
        sentence = held.document(gold.document_id).text.split(" It")[0]
        span = replace(gold, start=0, end=len(sentence))
        told.append(replace(example, answers=(sentence,), gold=(span,)))

    def repeat(prompt):
        name = re.search(r"the (\w+ \w+) made", prompt[-1]["content"])[1]
        found = re.search(rf"The {name} was made.*?smith\.", prompt[-1]["content"], re.S)
        return " ".join(found[0].split()) if found else "It is not known."

    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: FakeGenerator(repeat))
    chosen = freshness.edits(workspace, settings, told, count=2, ctx=CTX)
    assert len(chosen) == 2 and all(new.endswith("a smith.") for _, new in chosen)


def test_the_block_of_python_in_the_readme_runs(beir, tiny_models, tmp_path, monkeypatch, capsys):
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text()
    block = re.search(r"```python\n(.*?)```", readme, re.S)[1]
    monkeypatch.chdir(tmp_path)
    beir.rename("docs")
    for key, value in {**tiny_models, **SMALL}.items():
        monkeypatch.setenv("GRAFT_" + key.upper().replace(".", "_"), value)
    # Random weights ask no question that could be kept: these come from the folder.
    monkeypatch.setattr(adapting, "build", lambda w, ctx: import_(w, "docs", ctx=ctx))
    found: dict = {}
    exec(compile(block, "README.md", "exec"), found)
    shown = capsys.readouterr().out.strip()
    assert shown and "Answer(" not in shown
    assert found["report"].report.exists() and found["ws"].wiring.layout.root == Path("handbook")


def test_a_leak_between_splits_is_an_error_that_names_the_pair(workspace, tmp_path):
    rows = [
        {"messages": [{"role": "user", "content": "In which year was the red kettle made?"},
                      {"role": "assistant", "content": "1800"}], "split": "train", "gold": ["d0"]},
        {"messages": [{"role": "user", "content": "in which year was the red kettle made"},
                      {"role": "assistant", "content": "1800"}], "split": "test-new",
         "gold": ["d1"]},
    ]  # fmt: skip
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(LeakError, match="red kettle"):
        import_(workspace, str(path), ctx=CTX)
