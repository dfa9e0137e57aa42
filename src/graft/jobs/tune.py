"""tune: train one part on an example set, and write its run."""

from __future__ import annotations

from graft.core.context import Context
from graft.core.recipe import Part
from graft.loop.material import gather
from graft.loop.parts import with_run
from graft.loop.sets import load_examples
from graft.loop.spaces import ensure_space
from graft.loop.tune_fusion import tune_fusion_part
from graft.loop.tune_generator import tune_generator_part
from graft.loop.tune_ranking import tune_reranker_part, tune_retriever_part
from graft.tune.run import Run
from graft.wire import Wiring


def tune(
    workspace: Wiring, part: Part, *, examples: str = "", closed_book: bool = False,
    wait: float = 0.0, ctx: Context,
) -> Run:  # fmt: skip
    """Train one part on the train split, stop early on dev, and return its run.

    What it starts from is the release in use. Nothing is put into use: `graft evaluate` judges,
    `graft release promote` decides. A tuned retriever's vectors are laid beside the old ones;
    the workspace is locked for that alone, so documents may be ingested while a part trains.
    """
    material = gather(workspace, load_examples(workspace, examples), ctx)
    if part == "generator":
        return tune_generator_part(workspace, material, closed_book=closed_book, ctx=ctx)
    if part != "retriever":
        tuner = {"fusion": tune_fusion_part, "reranker": tune_reranker_part}[part]
        return tuner(workspace, material, ctx=ctx)
    run = tune_retriever_part(workspace, material, ctx=ctx)
    with workspace.layout.writer(wait):
        ensure_space(workspace, with_run(material.settings, part, run.id), ctx=ctx)
    return run
