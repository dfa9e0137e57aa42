"""The second round: what holds once a release with tuned parts is in use."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial

import pytest
import torch
from safetensors.torch import load_file, save_file

from graft import wire
from graft.core.errors import CheckFailed, InputError, ModelError
from graft.core.hashing import value_hash
from graft.core.runs import read_run
from graft.generate.local import LocalGenerator
from graft.jobs import adapt as adapting
from graft.jobs.adapt import adapt
from graft.jobs.evaluate import Beir, evaluate_beir, evaluate_systems
from graft.jobs.examples import import_
from graft.jobs.ingest import ingest
from graft.jobs.promote import promote, propose
from graft.jobs.tune import tune
from graft.loop.material import gather
from graft.loop.parts import with_run
from graft.loop.recipes import Asked
from graft.loop.releases import settings_of
from graft.loop.scoring import Bench, cell_trials
from graft.loop.sets import load_examples
from graft.loop.trials import run_trials
from graft.testing import FakeGenerator
from graft.tune.writing import write_run
from graft.wire import Wiring, open_workspace, reading
from tests.conftest import CTX

pytestmark = pytest.mark.slow


def scrambled(workspace: Wiring, run):
    """Give a run other weights: those of a tiny model hardly move in training."""
    file = run.weights / "adapter_model.safetensors"
    drawn = torch.Generator().manual_seed(1)
    weights = {name: torch.randn(w.shape, generator=drawn) for name, w in load_file(file).items()}
    save_file(weights, file)
    # What they answered when they were trained is no longer so.
    about = json.loads((run.folder / "run.json").read_text())
    bare = about["artefacts"][0] | {"probe": None, "digest": ""}
    (run.folder / "run.json").write_text(json.dumps({**about, "artefacts": [bare]}))
    return run


def put_into_use(workspace: Wiring, *runs) -> int:
    number = propose(workspace, [run.id for run in runs], ctx=CTX)
    return promote(workspace, number, force=True, ctx=CTX)


def test_the_base_of_the_cells_is_the_model_as_it_came(workspace, beir):
    import_(workspace, str(beir), ctx=CTX)
    run = scrambled(workspace, tune(workspace, "generator", ctx=CTX))
    asked = load_examples(workspace).split("test-new")[:4]

    def answers() -> dict[str, list[str]]:
        settings, _ = settings_of(workspace, None)
        bench = Bench(workspace, settings, reading(workspace, settings), CTX)
        trials = cell_trials(bench, {"test-new": asked}, {"rag+ft": run}, (), {})
        rows = run_trials(workspace, trials, CTX).rows["test-new"]
        return {system.name: [case.answer.text for case in system.cases] for system in rows}

    before = answers()
    assert before["rag"] != before["rag+ft"]
    put_into_use(workspace, run)
    assert answers() == before


def test_two_runs_that_set_the_same_are_no_release(workspace, beir):
    import_(workspace, str(beir), ctx=CTX)
    one = tune(workspace, "generator", ctx=CTX)
    copy = partial(shutil.copytree, one.weights, dirs_exist_ok=True)
    write_run(workspace.layout.runs, replace(one, id="other", changes={}), copy)
    with pytest.raises(InputError, match=f"{one.id} and other both set generate.adapter"):
        propose(workspace, [one.id, "other"], ctx=CTX)
    assert workspace.releases.numbers() == [0]
    assert propose(workspace, [one.id, one.id], ctx=CTX) == 1


def test_a_release_is_promoted_over_the_one_that_it_was_judged_against(workspace, beir):
    first = workspace.releases.current()
    earned = {"verdict": "promote", "judged_against": first.number}
    one, two = (workspace.releases.add(first.model_copy(update=earned)).number for _ in "12")
    assert workspace.releases.get(one).judged_against == first.number
    assert promote(workspace, one, ctx=CTX) == one
    with pytest.raises(CheckFailed, match=f"judged against release 0, and release {one} is in use"):
        promote(workspace, two, ctx=CTX)
    assert promote(workspace, two, force=True, ctx=CTX) == two
    assert promote(workspace, one, ctx=CTX) == one, "it was in use before"


def test_flags_change_the_candidate_and_not_what_it_is_judged_against(
    workspace, beir, tmp_path, monkeypatch
):
    counts = import_(workspace, str(beir), ctx=CTX)
    flags = {**_flat(workspace.explicit), "answer.passages": "1", "adapt.parts": "fusion"}
    flagged = open_workspace(workspace.layout.root, flags)
    seen: list[int] = []
    original = adapting.Ladder.trial

    def trial(ladder, split, rungs, examples):
        seen.extend(rung.settings.answer.passages for rung in rungs)
        return original(ladder, split, rungs, examples)

    monkeypatch.setattr(adapting.Ladder, "trial", trial)
    done = adapt(flagged, [], examples=counts["id"], ctx=CTX)
    systems = list(done.results["test-new ladder"].systems)
    assert systems[:2] == ["in use", "+settings"]
    pinned = workspace.releases.get(0).settings.answer.passages
    assert pinned != 1 and seen[0] == pinned and set(seen[1:]) == {1}
    made = workspace.releases.get(done.release)
    assert made.judged_against == 0 and made.settings.answer.passages == 1
    # a run that is put into use alone goes onto the release as it is pinned
    run = tune(flagged, "fusion", ctx=CTX)
    number = propose(flagged, [run.id], ctx=CTX)
    assert workspace.releases.get(number).settings.answer.passages == pinned


def _flat(tables, prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in tables.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = str(value)
    return found


def test_no_model_is_asked_a_prompt_twice_in_cells_and_ladder(workspace, beir, monkeypatch):
    counts = import_(workspace, str(beir), ctx=CTX)
    asked: list[str] = []
    generate = LocalGenerator.generate

    def counted(self, prompts, decoding):
        asked.extend(value_hash([self.digest, prompt, vars(decoding)]) for prompt in prompts)
        return generate(self, prompts, decoding)

    def evaluated(*given):
        asked.clear()
        outcome, left_out = original(*given)
        assert len(asked) == len(set(asked)) > 0
        systems = sum(len(table.systems) for table in outcome.tables.values())
        assert systems > 4
        return outcome, left_out

    original = adapting._evaluate
    monkeypatch.setattr(LocalGenerator, "generate", counted)
    monkeypatch.setattr(adapting, "_evaluate", evaluated)
    adapt(workspace, [], examples=counts["id"], ctx=CTX)


def test_a_release_that_came_into_use_meanwhile_is_not_replaced(workspace, beir, monkeypatch):
    counts = import_(workspace, str(beir), ctx=CTX)
    quick = replace(
        workspace, config=workspace.config.model_copy(
            update={"adapt": workspace.config.adapt.model_copy(update={"parts": ("fusion",)})}
        ),
    )  # fmt: skip
    original = adapting.verdict_on

    def passed(*args, **kwargs):
        return replace(original(*args, **kwargs), outcome="promote")

    monkeypatch.setattr(adapting, "verdict_on", passed)
    done = adapt(quick, [], examples=counts["id"], promote=True, ctx=CTX)
    assert done.promoted and workspace.releases.current_number() == done.release

    def meanwhile(*args, **kwargs):
        workspace.releases.switch(0)
        return passed(*args, **kwargs)

    monkeypatch.setattr(adapting, "verdict_on", meanwhile)
    done = adapt(quick, [], examples=counts["id"], promote=True, ctx=CTX)
    assert not done.promoted and workspace.releases.current_number() == 0


def test_a_new_part_has_to_beat_the_one_in_use(workspace, beir):
    import_(workspace, str(beir), ctx=CTX)
    reader = scrambled(workspace, tune(workspace, "generator", ctx=CTX))
    put_into_use(workspace, reader)
    again = tune(workspace, "generator", ctx=CTX)
    assert again.before["loss"] > reader.before["loss"] + 0.1, "drawn weights answer nothing"
    control = tune(workspace, "generator", asked=Asked("closed-book"), ctx=CTX)
    assert control.before["loss"] < again.before["loss"], "the control starts from the base"

    ranker = tune(workspace, "reranker", ctx=CTX)
    put_into_use(workspace, ranker)
    again = tune(workspace, "reranker", ctx=CTX)
    assert again.before["nDCG@10"] == pytest.approx(ranker.after["nDCG@10"])
    assert ranker.before["nDCG@10"] != pytest.approx(ranker.after["nDCG@10"])


def test_releases_are_compared_with_their_own_prompts(workspace, beir, monkeypatch):
    import_(workspace, str(beir), ctx=CTX)
    first = workspace.releases.current()
    name = first.settings.answer.prompt
    other = {**first.prompts[name], "system": "Reply in Latin."}
    number = workspace.releases.add(first.model_copy(update={"prompts": {name: other}})).number
    fake = FakeGenerator(lambda prompt: "1800")
    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: fake)
    evaluate_systems(workspace, [0, number], limit=4, ctx=CTX)
    systems = [prompt[0]["content"] for prompt in fake.seen]
    assert systems.count("Reply in Latin.") == 4 and len(systems) == 8


def test_a_run_is_compared_with_what_is_in_use(workspace, beir):
    import_(workspace, str(beir), split="train", apart_from=["test"], ctx=CTX)
    fusion, reader = (tune(workspace, part, ctx=CTX) for part in ("fusion", "generator"))
    done = evaluate_beir(workspace, Beir(str(beir)), [fusion.id], ctx=CTX)
    result = done.results["test"]
    assert list(result.systems) == ["bm25", "dense", "hybrid", fusion.id]
    pairs = {(d.a, d.b) for d in result.differences}
    assert ("hybrid", fusion.id) in pairs and ("bm25", "hybrid") in pairs
    assert set(done.rankings) == set(result.systems)
    with pytest.raises(InputError, match="ranks nothing"):
        evaluate_beir(workspace, Beir(str(beir)), [reader.id], ctx=CTX)
    import_(workspace, str(beir), ctx=CTX)
    told = evaluate_systems(workspace, runs=[f"runs/{fusion.id}", reader.id], limit=4, ctx=CTX)
    assert list(told.results["test-new"].systems)[:3] == ["release 0", fusion.id, reader.id]


def test_an_adapter_of_another_base_is_never_taken_for_one_of_this(workspace, beir):
    import_(workspace, str(beir), ctx=CTX)
    run = tune(workspace, "generator", ctx=CTX)
    recipe = json.loads((run.folder / "recipe.json").read_text())
    (run.folder / "recipe.json").write_text(json.dumps({**recipe, "base_digest": "other"}))
    with pytest.raises(InputError, match="other weights"):
        propose(workspace, [run.id], ctx=CTX)
    with pytest.raises(InputError, match="other weights"):
        evaluate_beir(workspace, Beir(str(beir)), cells={"rag+ft": run.id}, ctx=CTX)
    notes: list[str] = []
    heard = replace(CTX, events=lambda event: notes.append(event.message))
    done = evaluate_beir(workspace, Beir(str(beir), limit=3), cells={}, ctx=heard)
    assert "rag+ft" not in done.results["test answers"].systems
    assert any("left out" in note for note in notes)


def test_what_is_tied_to_a_test_document_is_kept_apart_too(workspace, beir):
    counts = import_(workspace, str(beir), ctx=CTX)
    rows = [json.loads(line) for line in (beir / "corpus.jsonl").read_text().splitlines()]
    twin = {**rows[0], "_id": "twin", "title": rows[0]["title"]}
    (beir / "corpus.jsonl").write_text("".join(json.dumps(r) + "\n" for r in [*rows, twin]))
    ingest(workspace, [str(beir)], ctx=CTX)
    material = gather(workspace, load_examples(workspace, counts["id"]), CTX)
    tested = {g.document_id for e in material.examples.split("test-new") for g in e.gold}
    assert rows[0]["_id"] in tested and "twin" not in tested
    assert material.apart >= tested | {"twin"}


def test_a_part_that_cannot_be_tuned_does_not_end_the_loop(workspace, beir, monkeypatch):
    counts = import_(workspace, str(beir), ctx=CTX)

    original = adapting.tune_part

    def lacking(place, part, material, *, asked, ctx):
        if part == "retriever":
            raise InputError("no dev question has its gold among the candidates")
        return original(place, part, material, asked=asked, ctx=ctx)

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(adapting, "tune_part", lacking)
    monkeypatch.setattr(adapting, "edits", full)
    table = workspace.config.adapt.model_copy(
        update={"parts": ("retriever", "fusion"), "edited_facts": 1}
    )
    quick = replace(workspace, config=workspace.config.model_copy(update={"adapt": table}))
    done = adapt(quick, [], examples=counts["id"], ctx=CTX)
    assert "retriever" not in done.runs and "fusion" in done.runs
    assert done.facts == () and done.report.exists()
    assert (
        "left out: dev nDCG@10" in done.report.read_text()
        or "+fusion" in done.results["test-new ladder"].systems
    )


def test_weights_of_a_fusion_are_behind_a_release_like_any_others(workspace, beir):
    import_(workspace, str(beir), split="train", ctx=CTX)
    run = tune(workspace, "fusion", ctx=CTX)
    number = propose(workspace, [run.id], ctx=CTX)
    assert "fusion" in workspace.releases.get(number).digests
    used = with_run(workspace.releases.current().settings, run)
    assert used == workspace.releases.get(number).settings
    (read_run(run.folder).weights / "weights.json").write_text('{"dense": 1.0, "bm25": 0.0}')
    with pytest.raises(ModelError, match="another fusion"):
        promote(workspace, number, force=True, ctx=CTX)


def test_an_adapter_that_does_not_fit_is_refused_each_time(workspace, beir):
    import_(workspace, str(beir), ctx=CTX)
    run = tune(workspace, "generator", ctx=CTX)
    file = run.weights / "adapter_model.safetensors"
    save_file({name: torch.ones_like(w)[:1] for name, w in load_file(file).items()}, file)
    used = with_run(workspace.releases.current().settings, run)
    before = wire.base_digest(workspace, used.generate)
    halfway = wire.causal(workspace, used.generate)
    for _ in range(2):
        with pytest.raises(ModelError, match="does not fit"):
            wire.generator(workspace, used.generate)
    assert wire.causal(workspace, used.generate) is not halfway, "it is loaded anew"
    assert wire.base_digest(workspace, used.generate) == before
