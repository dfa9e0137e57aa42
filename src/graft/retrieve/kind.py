"""Kind: a stage that a pipeline may name, with its settings and how it is built from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field

from graft.core.protocols import Encoder, Generator, PassageStore, Reranker
from graft.core.seam import Seam
from graft.core.table import Table
from graft.retrieve.stage import Stage


class Parts(Protocol):
    """What a stage may ask of the workspace when it is built; a model loads when it is asked for.

    `depth` is how many candidates a leaf brings unless its own table says so.
    """

    @property
    def store(self) -> PassageStore: ...
    @property
    def encoder(self) -> Encoder: ...
    @property
    def generator(self) -> Generator: ...
    @property
    def depth(self) -> int: ...

    def reranker(self, name: str) -> Reranker:
        """Return the reranker of a name: a run, a folder or a hub name."""
        ...

    def folder(self, name: str) -> Path:
        """Return the folder of the artefacts of a run (runs/ID)."""
        ...


@dataclass(frozen=True)
class StageKind:
    """A stage by its name in a pipeline, which is an identifier.

    `table` is the model of its settings, `[retrieve.stages.NAME]`; every key has a default.
    `build` makes the stage of such a table; None says that it has settings and no name, since a
    sign writes it. A `leaf` finds hits where there are none, so that it can be searched by alone.
    """

    name: str
    table: type[Table]
    build: Callable[[Any, Parts], Stage] | None
    leaf: bool = False


STAGES: Seam[StageKind] = Seam("a stage", "graft.retrieve.stages", "graft.stages", StageKind)
"""Every stage that a pipeline may name."""


class LeafTable(Table):
    depth: int = Field(0, ge=0)
    """Candidates it brings; 0 is retrieve.depth."""
