"""Freshness: what is edited was answered right, and measuring it changes nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graft.core.context import Context, Event
from graft.core.errors import Cancelled, InputError
from graft.core.example import Example
from graft.core.generation import Prompt
from graft.jobs import adapt as adapting
from graft.jobs.adapt import Progress
from graft.jobs.examples import import_
from graft.loop.freshness import edits
from graft.loop.material import Material, gather
from graft.loop.sets import load_examples
from graft.testing import FakeGenerator
from graft.wire import Wiring, open_workspace, reading
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


def test_the_loop_tells_how_long_an_edited_fact_takes(
    workspace, material, tiny_models, monkeypatch
):
    reads(monkeypatch)
    told = open_workspace(
        workspace.layout.root, {**tiny_models, **SMALL, "adapt.edited_facts": "2"}
    )
    progress = Progress(0, material.settings, [])
    [(name, value)] = adapting._facts(told, material, progress, wait=0, ctx=CTX)
    assert name == UNTIL
    assert re.fullmatch(r"\d+\.\d s, 2 of 2 right", value)

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
