"""Parts: what a run changes in the settings, and which runs the settings use."""

from __future__ import annotations

from graft.core.config import RetrieveTable, Settings
from graft.loop.parts import runs_of
from graft.tune.writing import changes_of
from graft.wire import line_of, with_changes


def put(settings, part, id):
    """Return the settings with a run of a part, told by its id, put into them."""
    return with_changes(settings, changes_of(id.removeprefix("runs/"), part))


def test_the_runs_that_settings_use_come_in_the_order_of_the_pipeline():
    settings = Settings()
    for part in ("generator", "reranker", "fusion", "retriever"):
        settings = put(settings, part, f"{part}-1")
    assert runs_of(settings) == ("retriever-1", "fusion-1", "reranker-1", "generator-1")
    assert settings.retrieve.pipeline == "follow_up >> dense + bm25 >> rerank"
    again = put(settings, "reranker", "runs/reranker-2")
    assert again.retrieve.pipeline == settings.retrieve.pipeline
    assert line_of(again).table("rerank").model == "runs/reranker-2"
    # what the line does not do is not in use, though its table is kept
    alone = with_changes(settings, {"retrieve.pipeline": "bm25"})
    assert runs_of(alone) == ("retriever-1", "generator-1")
    assert line_of(alone).table("rerank").model == "runs/reranker-1"


def test_a_reranker_is_put_after_a_line_of_ones_own():
    table = RetrieveTable(pipeline="(dense + 0.7 * bm25) % 50", stages={"rerank": {"depth": 7}})
    made = put(Settings(retrieve=table), "reranker", "r")
    assert made.retrieve.pipeline == "(dense + 0.7 * bm25) % 50 >> rerank"
    assert line_of(made).table("rerank").model_dump() == {
        "model": "runs/r", "depth": 7, "weight": 1.0,
    }  # fmt: skip
