"""Traced: a stage that tells the context how long it took and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graft.core.context import Context, Event
from graft.core.search import Search
from graft.retrieve.stage import Chain, Stage, mapped, run


@dataclass(frozen=True)
class Traced(Stage):
    """Runs a stage between a start and an end event; checks for a cancel before it.

    The end event counts searches, hits and errors, and for a single search names the passages it
    found first. No event holds the text of a query or a passage.
    """

    stage: Stage

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the stage inside."""
        return self.stage.name

    @property
    def inside(self) -> tuple[Stage, ...]:
        return self.stage.inside

    def of(self, inside: Sequence[Stage]) -> Traced:
        return Traced(self.stage.of(inside))

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        ctx.check()
        label = f"retrieve.{self.name}"
        started = ctx.clock()
        ctx.emit(Event(label, "start", 0, len(searches)))
        found = run(self.stage, searches, ctx)
        counts = {
            "searches": len(found),
            "hits": sum(len(s.hits) for s in found),
            "errors": sum(bool(s.error) for s in found),
        }
        ids = " ".join(hit.passage_id for hit in found[0].hits[:10]) if len(found) == 1 else ""
        seconds = ctx.clock() - started
        ctx.emit(Event(label, "end", len(found), len(found), seconds, counts, message=ids))
        return found


def traced(tree: Stage) -> Stage:
    """Return the same pipeline with every stage in it traced; what it finds does not change."""
    return mapped(tree, lambda stage: stage if isinstance(stage, Chain) else Traced(stage))
