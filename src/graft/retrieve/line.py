"""Line: a pipeline and the settings of its stages; built, and taken apart into what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graft.core.errors import ConfigError
from graft.core.table import checked, keys_of
from graft.retrieve.kind import STAGES, Parts, StageKind
from graft.retrieve.notation import Named, parse, written
from graft.retrieve.stage import Chain, Fuse, Stage, mapped, walk
from graft.retrieve.stages.fuse import KIND as FUSE
from graft.retrieve.stages.fuse import settled

PREFIX = "retrieve.stages."


@dataclass(frozen=True)
class Line:
    """A tree of named stages, and by name the settings of each, and of others that were said."""

    tree: Stage
    tables: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The pipeline as it is written."""
        return written(self.tree)

    @property
    def shown(self) -> str:
        """The pipeline as it is written, each stage with its settings that are no defaults.

        >>> read_line("dense + bm25 % 9", {"dense": {"depth": 50}}).shown
        'dense(depth=50) + bm25 % 9'
        """
        return written(self.tree, self.tables)

    @property
    def stages(self) -> dict[str, dict[str, Any]]:
        """All settings of the stages as plain values."""
        tables = {name: table.model_dump(mode="json") for name, table in self.tables.items()}
        return {name: table for name, table in tables.items() if table}

    @property
    def used(self) -> dict[str, Any]:
        """The settings of each stage in the pipeline, in its order; a sum uses "fuse"."""
        return {kind.name: self.tables[kind.name] for kind in _kinds(self.tree)}

    def table(self, name: str) -> Any:
        """Return the settings of a stage, in the pipeline or not; its defaults otherwise."""
        return self.tables[name] if name in self.tables else STAGES.named(name).table()

    @property
    def leaves(self) -> list[str]:
        """The names of the leaves, each once, in alphabetical order."""
        return leaves(self.tree)


def read_line(pipeline: str, stages: Mapping[str, Mapping[str, Any]]) -> Line:
    """Return a pipeline with all settings of its stages, read from text and plain values.

    Raises ConfigError for a pipeline that cannot be read, a stage that there is not, and, naming
    the nearest key, for a setting that its stage does not know.
    """
    tree = parse(pipeline)
    for stage in walk(tree):
        if isinstance(stage, Named):
            _require(stage, pipeline)
    tables = {}
    for name in sorted({*stages, *(kind.name for kind in _kinds(tree))}):
        tables[name] = checked(STAGES.named(name).table, stages.get(name, {}), f"{PREFIX}{name}.")
    return Line(tree, tables)


def _require(stage: Named, pipeline: str) -> None:
    where = f"the pipeline {pipeline!r} has {stage.name!r} at character {stage.at + 1}"
    if stage.name not in STAGES.all() and stage.name == "hybrid":
        raise ConfigError(f"{where}, which went: write 'follow_up >> dense + bm25'")
    try:
        kind = STAGES.named(stage.name)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    if kind.build is None:
        raise ConfigError(f"{where}, which a sign writes: 'dense + bm25' is a fusion of both")


def _kinds(tree: Stage) -> Iterator[StageKind]:
    for stage in walk(tree):
        if isinstance(stage, Fuse):
            yield FUSE
        elif isinstance(stage, Named):
            yield STAGES.named(stage.name)


def stage_keys() -> list[str]:
    """Return every dotted key of the stages' tables, as in "retrieve.stages.rerank.depth"."""
    kinds = STAGES.all().values()
    return [key for kind in kinds for key in keys_of(kind.table, f"{PREFIX}{kind.name}.")]


def build(line: Line, parts: Parts) -> Stage:
    """Return the pipeline of a line, its stages built from their settings and what there is."""

    def real(stage: Stage) -> Stage:
        kind = STAGES.named(stage.name) if isinstance(stage, Named) else None
        return kind.build(line.tables[kind.name], parts) if kind and kind.build else stage

    return mapped(_settled(line, parts), real)


def weights(line: Line, parts: Parts) -> dict[str, float]:
    """Return what each leg counts in the line's fusion, as it is set or as a run fitted it.

    It is the first sum whose terms have a leaf each; without one, there is none.
    """
    for stage in walk(_settled(line, parts)):
        if isinstance(stage, Fuse) and all(names := _legs_of(stage)):
            return {leg: term.weight for leg, term in zip(names, stage.terms, strict=True)}
    return {}


def _settled(line: Line, parts: Parts) -> Stage:
    """Return the tree, its stages still named, with its sums as the table "fuse" says."""

    def change(stage: Stage) -> Stage:
        if not isinstance(stage, Fuse):
            return stage
        return settled(stage, _legs_of(stage), line.tables[FUSE.name], parts)

    return mapped(line.tree, change)


def leaves(tree: Stage) -> list[str]:
    """Return the names of the leaves in a tree, each once, in alphabetical order."""
    return sorted(name for name in _names(tree) if STAGES.named(name).leaf)


def _names(tree: Stage) -> set[str]:
    return {stage.name for stage in walk(tree) if isinstance(stage, Named)}


def _legs_of(fuse: Fuse) -> list[str]:
    """Return the leaf in each term of a sum, "" for a term with several or none."""
    found = [leaves(term) for term in fuse.stages]
    return [names[0] if len(names) == 1 else "" for names in found]


def alone(line: Line, leaf: str) -> Line:
    """Return the line with one leaf of it alone, behind what rewrites the question.

    >>> alone(read_line("follow_up >> (dense + bm25) % 9 >> rerank", {}), "bm25").text
    'follow_up >> bm25 % 9'
    """
    return replace(line, tree=_only(line.tree, leaf))


def _only(tree: Stage, leaf: str) -> Stage:
    if isinstance(tree, Chain):
        last = next(place for place, part in enumerate(tree.stages) if leaf in leaves(part))
        return _chain(*tree.stages[:last], _only(tree.stages[last], leaf))
    if isinstance(tree, Fuse):
        return _only(next(term for term in tree.stages if leaf in leaves(term)), leaf)
    return tree.of([_only(part, leaf) for part in tree.inside])


def without(line: Line, name: str) -> Line:
    """Return the line without the stages of a name, or with BM25 for them if they find all hits.

    >>> without(read_line("follow_up >> dense + bm25 >> rerank % 9", {}), "dense").text
    'follow_up >> bm25 >> rerank % 9'
    """
    left = _pruned(line.tree, name)
    if left is None or not leaves(left):
        left = mapped(line.tree, lambda stage: Named("bm25") if stage == Named(name) else stage)
    return read_line(written(left), line.stages)


def _pruned(tree: Stage, name: str) -> Stage | None:
    if isinstance(tree, Named):
        return None if tree.name == name else tree
    if isinstance(tree, Fuse):
        terms = [(_pruned(term.stage, name), term.weight) for term in tree.terms if term.weight]
        kept = [(stage, weight) for stage, weight in terms if stage]
        if len(kept) > 1:
            stages, weights = zip(*kept, strict=True)
            return replace(tree, stages=stages, weights=weights if tree.weights else ())
        return kept[0][0] if kept else None
    parts = [part for stage in tree.inside if (part := _pruned(stage, name))]
    if isinstance(tree, Chain):
        return _chain(*parts) if parts else None
    return tree.of(parts) if len(parts) == len(tree.inside) else None


def fusion(line: Line) -> Line | None:
    """Return the line up to its last sum, which counts as its first stage; None without one."""
    parts = line.tree.stages if isinstance(line.tree, Chain) else (line.tree,)
    summed = [any(isinstance(s, Fuse) for s in walk(part)) for part in parts]
    if not any(summed):
        return None
    return replace(line, tree=_chain(*parts[: len(parts) - summed[::-1].index(True)]))


def _chain(*stages: Stage) -> Stage:
    return stages[0] if len(stages) == 1 else Chain(stages)


PRESENT = "present_value"
"""What stands for the present pipeline while a change of it is read."""


def joined(change: str, pipeline: str) -> str:
    """Return a pipeline with a change around it, in which "{}" stands for it.

    What would be done twice is left out: a line that has a stage of a name is given no second.

    >>> joined("{} >> rerank", "dense + bm25"), joined("{} >> rerank", "bm25 >> rerank % 5")
    ('dense + bm25 >> rerank', 'bm25 >> rerank % 5')
    """
    tree, there = parse(change.replace("{}", PRESENT)), _names(parse(pipeline))
    if isinstance(tree, Chain):
        tree = Chain(tuple(stage for stage in tree.stages if not _names(stage) <= there))
    return written(parse(written(tree).replace(PRESENT, f"({pipeline})")))
