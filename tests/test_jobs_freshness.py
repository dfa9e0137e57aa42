"""Freshness: what is edited was answered right, and measuring it changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from graft.core.context import Context, Event
from graft.core.errors import Cancelled, InputError
from graft.core.example import Example
from graft.core.generation import Decoding, Prompt
from graft.core.recipe import Recipe
from graft.jobs import adapt as adapting
from graft.jobs.adapt import Progress
from graft.jobs.examples import import_
from graft.loop.freshness import Edit, Freshness, by_training, edits
from graft.loop.material import Material, gather
from graft.loop.recipes import Asked, recipe_of
from graft.loop.sets import load_examples
from graft.testing import FakeGenerator
from graft.wire import Wiring, base_digest, causal, generator, open_workspace, reading
from tests.conftest import CTX, SMALL

pytestmark = pytest.mark.slow

UNTIL = "until an edited fact is answered right"


@pytest.fixture
def material(workspace: Wiring, beir: Path) -> Material:
    """The questions of the BEIR folder, taken in."""
    import_(workspace, str(beir), ctx=CTX)
    return gather(workspace, load_examples(workspace), CTX)


def year(prompt: Prompt) -> str:
    """Read the year that a question asks for from the passages; know nothing else."""
    question = prompt[-1]["content"].split("Question: ")[-1]
    name = re.search(r"the (\w+ \w+) made", question)
    shown = re.search(rf"The {name[1]} was made in (\d+)", prompt[-1]["content"]) if name else None
    return shown[1] if shown else "It is not known."


def reads(monkeypatch: pytest.MonkeyPatch, reply=year) -> None:
    """Let the system answer by a rule instead of the model."""
    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: FakeGenerator(reply))


def asked(material: Material) -> tuple[Example, ...]:
    return material.examples.split("test-new")


def recipe(workspace: Wiring, material: Material) -> Recipe:
    """Return the closed-book recipe, fast enough to teach a tiny model one word."""
    made = recipe_of(workspace, material, "generator", Asked("closed-book"), seed=0)
    return replace(made, schedule=replace(made.schedule, batch_size=1, learning_rate=0.02))


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what stands in each file under a folder, and since when."""
    found: Iterator[Path] = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in found}


def test_only_a_fact_that_is_answered_right_is_edited(workspace, material, monkeypatch):
    reads(monkeypatch)
    settings = material.settings
    chosen = edits(workspace, settings, asked(material), count=4, ctx=CTX)
    # the rule knows years alone, and each document is asked for its weight as well
    assert len(chosen) == 4 and all(example.id.endswith("-year") for example, _ in chosen)
    assert len({example.gold[0].document_id for example, _ in chosen}) == 4
    held = reading(workspace, settings)
    for example, new in chosen:
        text = held.document(example.gold[0].document_id).text
        assert example.answers[0] in text and new not in text
        assert new in {e.answers[0] for e in asked(material)}

    reads(monkeypatch, lambda prompt: "It is not known.")
    assert edits(workspace, settings, asked(material), count=4, ctx=CTX) == []


def test_a_training_on_edited_facts_is_timed_and_leaves_everything_as_it_was(
    workspace, material, monkeypatch, tmp_path
):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    settings = material.settings
    serving = generator(workspace, settings.generate)
    prompts: list[Prompt] = [[{"role": "user", "content": e.question}] for e in asked(material)[:3]]
    decoding = Decoding(max_new_tokens=6)
    said = [each.text for each in serving.generate(prompts, decoding)]
    digest, before = base_digest(workspace, settings.generate), files(workspace.layout.root)

    chosen: list[Edit] = [(example, "no") for example in asked(material)[:3]]
    taught = by_training(workspace, settings, chosen, recipe(workspace, material), ctx=CTX)
    # only the adapter that was trained, and was asked, can know the new answer
    assert (taught.facts, taught.right) == (3, 3) and taught.seconds > 0
    assert not any("no" in text.split() for text in said)

    assert files(workspace.layout.root) == before
    assert not list((tmp_path / "scratch").iterdir())
    causal(workspace, settings.generate).base_digest = ""  # which is hashed once, and kept
    assert base_digest(workspace, settings.generate) == digest
    assert [each.text for each in serving.generate(prompts, decoding)] == said


def test_the_loop_tells_how_long_an_edited_fact_takes(
    workspace, material, tiny_models, monkeypatch
):
    reads(monkeypatch)
    told = open_workspace(
        workspace.layout.root, {**tiny_models, **SMALL, "adapt.edited_facts": "2"}
    )
    progress = Progress(0, material.settings, [])
    [(name, value)] = adapting._facts(told, material, progress, wait=0, ctx=CTX)
    assert name == f"{UNTIL}, by a sync (rag)"
    assert re.fullmatch(r"\d+\.\d s, 2 of 2 right", value)

    ran: list[tuple[list[Edit], Recipe]] = []

    def training(w, settings, chosen, recipe, *, ctx):
        ran.append((chosen, recipe))
        return Freshness(len(chosen), 1, 61.25)

    monkeypatch.setattr(adapting, "by_training", training)
    closed = recipe(workspace, material)
    progress.runs["closed"] = type("Ran", (), {"recipe": closed, "role": "closed-book"})()
    _, (name, value) = adapting._facts(told, material, progress, wait=0, ctx=CTX)
    assert name == f"{UNTIL}, by a training on these facts alone (ft)"
    assert value == "61.2 s, 1 of 2 right"
    assert [(len(chosen), used) for chosen, used in ran] == [(2, closed)]

    reads(monkeypatch, lambda prompt: "It is not known.")
    [(name, value)] = adapting._facts(told, material, progress, wait=0, ctx=CTX)
    assert name == UNTIL and "none to edit" in value
    assert adapting._facts(workspace, material, progress, wait=0, ctx=CTX) == ()


def test_what_cannot_be_measured_ends_no_loop_but_a_cancel_does(
    workspace, material, tiny_models, monkeypatch
):
    told = open_workspace(
        workspace.layout.root, {**tiny_models, **SMALL, "adapt.edited_facts": "2"}
    )
    seen: list[Event] = []

    def fails(error: Exception):
        def job(*_, **__):
            raise error

        return job

    progress = Progress(0, material.settings, [])
    monkeypatch.setattr(adapting, "edits", fails(InputError("no disk is left")))
    ctx = Context(events=seen.append)
    assert adapting._facts(told, material, progress, wait=0, ctx=ctx) == ()
    assert [event.phase for event in seen] == ["warning"] and "no disk is left" in seen[0].message
    monkeypatch.setattr(adapting, "edits", fails(Cancelled("stopped")))
    with pytest.raises(Cancelled):
        adapting._facts(told, material, progress, wait=0, ctx=ctx)
