"""tune: train one part on an example set, and write its run."""

from __future__ import annotations

from graft.core.context import Context
from graft.core.recipe import Part
from graft.core.runs import Run
from graft.loop.material import gather
from graft.loop.parts import with_run
from graft.loop.recipes import Asked
from graft.loop.sets import load_examples
from graft.loop.spaces import ensure_space
from graft.loop.tuning import tune_part
from graft.wire import Wiring


def tune(
    workspace: Wiring, part: Part, *, examples: str = "", asked: Asked | None = None,
    wait: float = 0.0, ctx: Context,
) -> Run:  # fmt: skip
    """Train one part on the train split, stop early on dev, and return its run.

    What it starts from is the release in use. Nothing is put into use: `graft evaluate` judges,
    `graft release promote` decides. A tuned retriever's vectors are laid beside the old ones;
    the workspace is locked for that alone, so documents may be ingested while a part trains.
    """
    material = gather(workspace, load_examples(workspace, examples), ctx)
    run = tune_part(workspace, part, material, asked=asked, ctx=ctx)
    changed = with_run(material.settings, run)
    if changed.encoder != material.settings.encoder:
        with workspace.layout.writer(wait):
            ensure_space(workspace, changed, ctx=ctx)
    return run
