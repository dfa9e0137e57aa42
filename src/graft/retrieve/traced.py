"""Traced: a stage that tells the context how long it took and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graft.core.context import Context, Event
from graft.core.search import Search
from graft.retrieve.stage import Chain, First, Fuse, Stage, run


@dataclass(frozen=True)
class Traced(Stage):
    """Runs a stage between a start and an end event; checks for a cancel before it.

    The end event counts searches, hits and errors, and for a single search names the passages it
    found first. No event holds the text of a query or a passage.
    """

    stage: Stage
    context: Context

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the stage inside."""
        return self.stage.name

    def __call__(self, searches: Sequence[Search]) -> list[Search]:
        self.context.check()
        label = f"retrieve.{self.name}"
        started = self.context.clock()
        self.context.emit(Event(label, "start", 0, len(searches)))
        found = run(self.stage, searches)
        counts = {
            "searches": len(found),
            "hits": sum(len(s.hits) for s in found),
            "errors": sum(bool(s.error) for s in found),
        }
        ids = " ".join(hit.passage_id for hit in found[0].hits[:10]) if len(found) == 1 else ""
        seconds = self.context.clock() - started
        self.context.emit(Event(label, "end", len(found), len(found), seconds, counts, message=ids))
        return found


def traced(stage: Stage, context: Context) -> Stage:
    """Return the same pipeline with every stage in it traced; what it finds does not change."""
    if isinstance(stage, Chain | Fuse):
        parts = tuple(traced(part, context) for part in stage.stages)
        inside: Stage = replace(stage, stages=parts)
    elif isinstance(stage, First):
        inside = replace(stage, stage=traced(stage.stage, context))
    else:
        inside = stage
    return inside if isinstance(stage, Chain) else Traced(inside, context)
