"""The adapter kind and the objective of docs/extending.md are added, trained, saved and loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from graft.core.context import Context
from graft.core.runs import read_run
from graft.jobs.examples import import_
from graft.jobs.tune import tune
from graft.loop.parts import with_run
from graft.loop.recipes import Asked
from graft.models.adapter import ADAPTERS
from graft.models.digest import tensors_digest
from graft.tune.objective import OBJECTIVES
from graft.wire import Wiring, causal, loaded_adapter

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[1] / "docs/extending.md"
CTX = Context()


def block(title: str) -> str:
    section = PAGE.read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    return re.search(r"```python\n(.*?)```", section, re.S)[1]


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    found: dict[str, Any] = {"__name__": __name__}
    for title in ("An adapter kind", "An objective"):
        exec(compile(block(title), str(PAGE), "exec", dont_inherit=True), found)
    ADAPTERS.add(found["IA3"])
    OBJECTIVES.add(found["ASK"])
    yield found
    ADAPTERS.drop("ia3")
    OBJECTIVES.drop("ask")


def test_each_block_is_short() -> None:
    for title in ("An adapter kind", "An objective"):
        assert len(block(title).strip().splitlines()) <= 40


def test_both_are_trained_by_their_names_and_load_again(
    workspace: Wiring, beir: Path, added: dict[str, Any]
) -> None:
    import_(workspace, str(beir), split="train", ctx=CTX)
    base = causal(workspace, workspace.config.generate)
    ids = torch.tensor([base.ids([{"role": "user", "content": "Ask about this."}])])
    weights = tensors_digest(base.model.state_dict())
    with torch.no_grad():
        plain = base.model(input_ids=ids).logits
    run = tune(workspace, "generator", asked=Asked("ask", adapter="ia3"), ctx=CTX)
    assert (run.role, run.recipe.objective, run.recipe.adapter["name"]) == ("ask", "ask", "ia3")
    assert read_run(run.folder) == run
    assert run.after["loss"] < run.before["loss"]
    assert tensors_digest(base.model.state_dict()) == weights, "the base is as it came"
    settings = with_run(workspace.releases.current().settings, run)
    model = causal(workspace, settings.generate)
    name = loaded_adapter(workspace, settings.generate)
    moved = model.attached[name].weights()
    # PEFT starts every factor at one.
    assert len(moved) == 6 and all((value != 1).any() for value in moved.values())
    with torch.no_grad():
        with model.using(name):
            tuned = model.model(input_ids=ids).logits
        with model.using(""):
            assert torch.equal(model.model(input_ids=ids).logits, plain)
        assert not torch.equal(tuned, plain)
    mixed = tune(workspace, "generator", asked=Asked("raft", {"ask": 0.3}), ctx=CTX)
    assert dict(mixed.recipe.mixed) == {"ask": 0.3} and "ask loss" in mixed.after
