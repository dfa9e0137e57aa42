"""Serving: which settings answer an asker, so that nobody is answered by what he may not see.

Weights tell what they learned from. A release whose parts learned from documents that an asker may
not see serves him by its fallback: the same settings with those runs undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.errors import GraftError, NotFound, nearest
from graft.core.files import RUNS
from graft.core.release import Release
from graft.core.search import Search
from graft.core.where import FIELDS
from graft.loop.parts import runs_of, without_run
from graft.loop.releases import settings_of
from graft.retrieve.line import without
from graft.wire import Wiring, library, line_of, segmentation, space, with_line


@dataclass(frozen=True)
class Serving:
    """What answers an asker: a release, its settings for him, and its name with what they lack."""

    release: Release
    settings: Settings
    name: str


@dataclass(frozen=True)
class Learned:
    """What a run was trained on: documents, who could see any of them then, and its base model.

    `version` is that of the library that it read.
    """

    documents: frozenset[str]
    access: frozenset[str]
    base: str
    version: int


def serving(w: Wiring, number: int | None, principals: frozenset[str] | None) -> Serving:
    """Return what answers an asker (None: the owner) by a release; None is the current one.

    Where the fallback's encoder has no space here any more, it searches by BM25 alone. The name
    says of both, as in "3 (without retriever-1; bm25 alone)". Raises NotFound when there is no
    such release, or what it searches is kept up no more.
    """
    release = w.releases.current() if number is None else w.releases.get(number)
    pinned, name = settings_of(w, release.number)
    if number is not None:
        _require_space(w, release, pinned)
    if principals is None:
        return Serving(release, pinned, name)
    hidden = [id for id in runs_of(pinned) if not may_use(w, id, principals)]
    if not hidden:
        return Serving(release, pinned, name)
    settings = pinned
    for id in hidden:
        settings = without_run(settings, id, base=_open_base(w, id, principals))
    told = "without " + ", ".join(hidden)
    moved = settings.encoder != pinned.encoder and "dense" in line_of(settings).used
    if moved and not _has_space(w, settings):
        line = without(line_of(settings), "dense")
        settings = with_line(settings, line)
        told += f"; {', '.join(line.leaves)} alone"
    return Serving(release, settings, f"{name} ({told})")


def _require_space(w: Wiring, release: Release, settings: Settings) -> None:
    """Raise NotFound where an ingest has dropped what a release searches, since it is not in use.

    Before the first document there is nothing to drop.
    """
    held = library(w)
    dense = "dense" in line_of(settings).used
    there = (
        release.space in {space.id for space in held.spaces}
        if dense
        else segmentation(settings.segment).id in held.segmentations
    )
    if held.spaces and not there and settings == release.settings:
        raise NotFound(
            f"release {release.number} is not in use, so that documents are not embedded for it "
            f"any more: `graft release promote {release.number}` embeds them and puts it into use"
        )


def tell_unknown_fields(w: Wiring, searches: Iterable[Search], ctx: Context) -> None:
    """Warn of fields that a condition asks of and no document has, which is true of none.

    Only the owner is told: for others it would say what documents have that they may not see.
    """
    asked = {
        name
        for search in searches
        if search.filter.where is not None and search.principals is None
        for name in search.filter.where.fields
    }
    known = (library(w).metadata_keys | FIELDS) if asked else frozenset()
    for name in sorted(asked - known):
        near = nearest(name, known)
        did = f", did you mean {near!r}?" if near else f": they have {', '.join(sorted(known))}"
        ctx.warn("where", f"no document has the field {name!r}{did}")


def may_use(w: Wiring, id: str, principals: frozenset[str]) -> bool:
    """Return whether an asker may see all that a run, and every run before it, learned from.

    What counts is who may see a document now. Of one that was removed since, or has another text,
    it is known only who could see some document of the run: the asker has to be all of them.
    A run that the ledger does not know may be used by the owner alone.
    """
    seen: set[str] = set()
    while id not in seen:
        seen.add(id)
        run = learned(w, id)
        if run is None or not _sees_all(w, run, principals):
            return False
        if not run.base.startswith(RUNS):
            return True
        id = run.base.removeprefix(RUNS)
    return False


def learned(w: Wiring, id: str) -> Learned | None:
    """Return what a run was trained on, by the ledger, or None where it does not know the run."""

    def find() -> Learned | None:
        row = next((row for row in w.ledger.runs() if row["id"] == id), None)
        if row is None:
            return None
        return Learned(
            documents=frozenset(w.ledger.documents_of_run(id)),
            access=frozenset(row["access"]),
            base=str(row["detail"]["recipe"]["base"]),
            version=row["library_version"],
        )

    return w.once(("learned", id), find)


def _sees_all(w: Wiring, run: Learned, principals: frozenset[str]) -> bool:
    now = library(w).seen_by(run.documents, principals)
    # An id may stand for another document now than when it was learned from.
    gone = (run.documents - now.keys()) | (run.documents & w.ledger.changed_since(run.version))
    told = run.documents and not gone
    return all(now.values()) and (bool(told) or run.access <= principals)


def _open_base(w: Wiring, id: str, principals: frozenset[str]) -> str:
    """Return the nearest model that a run started from and that the asker may use, "" for none."""
    seen: set[str] = set()
    while id not in seen:
        seen.add(id)
        run = learned(w, id)
        if run is None:
            return ""
        id = run.base.removeprefix(RUNS)
        if not run.base.startswith(RUNS) or may_use(w, id, principals):
            return run.base
    return ""


def _has_space(w: Wiring, settings: Settings) -> bool:
    """Return whether the library holds the vectors that these settings search."""
    cut, named = segmentation(settings.segment).id, settings.encoder.model
    spaces = [s for s in library(w).spaces if (s.segmentation, s.encoder) == (cut, named)]
    try:
        return bool(spaces) and space(w, settings) in spaces
    except GraftError:  # the base model is not on this machine any more
        return False
