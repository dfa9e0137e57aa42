"""An open workspace: its settings, its library, and what it has loaded so far."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from graft.core.config import (
    Config,
    EncoderTable,
    GenerateTable,
    SegmentTable,
    Settings,
    explicit,
    load_config,
    override,
)
from graft.core.errors import InputError
from graft.core.files import Layout
from graft.core.index import IndexChoice
from graft.core.ledger import Ledger
from graft.core.mapper import Here, Mapper, Processes
from graft.core.migrations import STEPS
from graft.core.release import Releases
from graft.core.space import Segmentation
from graft.retrieve.line import Line, joined, read_line, stage_keys

if TYPE_CHECKING:
    from graft.library.store import Library

T = TypeVar("T")
S = TypeVar("S", bound=Settings)


@dataclass
class Wiring:
    """An open workspace: where it is, its configuration, and the models it has loaded so far.

    Models are kept by the settings that made them, so that asking twice loads once, from however
    many threads. `explicit` is what variables and flags said, as nested tables: it counts over a
    release's settings.
    """

    layout: Layout
    config: Config
    loaded: dict[Any, Any] = field(default_factory=dict)
    explicit: Mapping[str, Any] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Return what a key stands for, made when it is first asked for."""
        with self.lock:
            if key not in self.loaded:
                self.loaded[key] = make()
            found: T = self.loaded[key]
            return found

    @property
    def releases(self) -> Releases:
        return Releases(self.layout.releases)

    @property
    def ledger(self) -> Ledger:
        return self.once("ledger", lambda: Ledger(self.layout.ledger))


def open_workspace(root: Path, flags: Mapping[str, Any] | None = None) -> Wiring:
    """Open a workspace's folder, checking its format and its settings.

    Raises InputError for what is no folder, ConfigError for a setting that cannot be used,
    FormatError for a newer workspace.
    """
    layout = Layout(require_folder(root))
    config = read_config(layout, flags)
    layout.open(STEPS)
    return Wiring(layout, config, explicit=explicit(flags=flags, more=_more_keys))


def read_config(layout: Layout, flags: Mapping[str, Any] | None = None) -> Config:
    """Return a workspace's configuration, its pipeline resolved. Raises ConfigError."""
    config = resolved(load_config(layout.config, flags=flags, more=_more_keys))
    if config.examples.makers:
        from graft.examples.maker import shares_of  # a search needs none of it

        shares_of(config.examples.makers)
    return config


def _more_keys() -> list[str]:
    """Return the settings that stages and makers of questions know, and `Config` does not."""
    from graft.examples.maker import MAKERS

    return [*stage_keys(), *(f"examples.makers.{name}" for name in MAKERS.all())]


def line_of(settings: Settings) -> Line:
    """Return the retrieval of settings as one line. Raises ConfigError where it cannot be used."""
    return read_line(settings.retrieve.pipeline, settings.retrieve.stages)


def with_line(settings: S, line: Line) -> S:
    """Return the settings with another line as their retrieval."""
    new = {"pipeline": line.text, "stages": line.stages}
    return settings.model_copy(update={"retrieve": settings.retrieve.model_copy(update=new)})


def resolved(settings: S) -> S:
    """Return the settings with their line as it is written, and all settings of its stages.

    What a release pins is resolved, so that a later default changes nothing in it. Which engine
    computes is the machine's matter, as the configuration says, and no release's.
    """
    made = with_line(settings, line_of(settings))
    if isinstance(made, Config):
        return made
    encoder = made.encoder.model_copy(update={"engine": EncoderTable().engine})
    generate = made.generate.model_copy(update={"engine": GenerateTable().engine})
    return made.model_copy(update={"encoder": encoder, "generate": generate})


def with_changes(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return the settings with what a run changes in them: dotted keys and their new values.

    "{}" in a text stands for the present value: "{} >> rerank" appends a stage to the pipeline,
    and leaves one that has it as it is. Raises ConfigError for what cannot be set so.

    >>> with_changes(Settings(), {"retrieve.pipeline": "{} >> rerank"}).retrieve.pipeline
    'follow_up >> dense + bm25 >> rerank'
    """
    held, said = settings.model_dump(), dict(changes)
    for key, value in changes.items():
        if isinstance(value, str) and "{}" in value:
            present: Any = held
            for name in key.split("."):
                present = present.get(name, "") if isinstance(present, Mapping) else ""
            line = key == "retrieve.pipeline"
            said[key] = joined(value, present) if line else value.replace("{}", str(present))
    return resolved(override(settings, explicit(variables={}, flags=said)))


def require_folder(root: Path) -> Path:
    """Return a workspace's folder, which need not be there yet. Raises InputError for a file."""
    there = next(path for path in (root, *root.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError(f"{there} is a file where a workspace's folder was expected: name another")
    return root


def library(w: Wiring) -> Library:
    """Return the library at its published version; opened again only after a publish."""
    from graft.library.store import Library

    with w.lock:
        held = w.loaded.get("library")
        if held is None or held.stale():
            held = w.loaded["library"] = Library.open(w.layout.library, index=index(w))
        opened: Library = held
        return opened


def index(w: Wiring) -> IndexChoice | None:
    """Return the index that candidates come from, None for the library's own tables.

    Raises ConfigError for a name that no package offers.
    """
    table = w.config.ingest
    if table.index == "lance":
        return None
    from graft.library.indexes import INDEXES

    return IndexChoice(INDEXES.named(table.index), table.index_url)


def mapper(w: Wiring, work: Literal["read", "encode"]) -> Mapper:
    """Return what does a kind of work side by side: another one (a cluster's) is put in here.

    Files are read in processes that may crash or hang alone; passages are encoded in this one,
    since each other would load the model for itself.
    """
    if work == "encode":
        return Here()
    from graft.library.parse import is_read_here, memory_for, seconds_for

    return Processes(
        min(2, os.cpu_count() or 1),
        seconds=seconds_for,
        memory=memory_for(int(w.config.ingest.max_megabytes * 2**20)),
        here=is_read_here,
    )


def reading(w: Wiring, settings: Settings) -> Library:
    """Return the published library as these settings search it: by their segmentation."""
    return library(w).using(segmentation(settings.segment).id)


def segmentation(table: SegmentTable) -> Segmentation:
    """Return how documents are cut."""
    return Segmentation(**table.model_dump())
