"""Loading many sources: which may be read where, and what becomes of one that is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from graft.core.document import Document
from graft.core.errors import DocumentError
from graft.core.mapper import Lost, Mapper
from graft.library.readers import READERS, reader_of
from graft.library.readers.read import DEFAULT_MAX_BYTES, UNPACKED
from graft.library.readers.vocabulary import vocabulary
from graft.library.sources import SourceItem, load

SECONDS_A_FILE = 60.0
SECONDS_A_MEGABYTE = 3.0
MEMORY = 2 << 30
"""Bytes of address space that a reading process may have, more where larger files are allowed."""

_PLAIN = vocabulary(
    ".md .markdown .txt .text .rst .org .log .py .js .ts .java .go .rs .c .h .cpp .sh .sql .yaml "
    ".yml .toml .ini .cfg .css .json .jsonl .ndjson .csv .tsv .adoc .asciidoc .tex"
)
_PLAIN_BYTES = 4 << 20

_REASONS = {
    "late": f"reading it took longer than {SECONDS_A_FILE:.0f} s, and {SECONDS_A_MEGABYTE:.0f} "
    "more a MiB: split it, or convert it to another format",
    "crashed": "reading it crashed the reader (a damaged file, or too little memory): "
    "open it in its own program and save it anew",
}


@dataclass(frozen=True)
class Loaded:
    """What became of a source: its documents, or the reason why there are none."""

    source: SourceItem
    documents: tuple[Document, ...] = ()
    reason: str = ""


def load_all(
    sources: Iterable[SourceItem], mapper: Mapper, *, max_bytes: int = DEFAULT_MAX_BYTES
) -> Iterator[Loaded]:
    """Yield what became of each source, in their order; one bad file never stops the others.

    A file that the mapper loses, because it crashes its process or takes longer than it may, is
    given up with that reason.
    """
    for loaded in mapper.map(partial(_read, max_bytes=max_bytes), sources):
        yield Loaded(loaded.item, (), _REASONS[loaded.how]) if isinstance(loaded, Lost) else loaded


def is_read_here(source: SourceItem) -> bool:
    """Return whether a source can do no harm where it is read: text of up to 4 MiB.

    A reader that was added to this process alone is not known to others, so all are read here.
    """
    return bool(READERS.added) or _is_plain(source)


def seconds_for(source: SourceItem) -> float:
    """Return how long reading a source may take: a minute, and 3 seconds a MiB."""
    try:
        return SECONDS_A_FILE + SECONDS_A_MEGABYTE * source.path.stat().st_size / (1 << 20)
    except OSError:  # one that is gone takes no time
        return SECONDS_A_FILE


def memory_for(max_bytes: int) -> int:
    """Return the bytes of address space that reading files of this size may take."""
    return max(MEMORY, UNPACKED * 4 * max_bytes)


def _read(source: SourceItem, *, max_bytes: int) -> Loaded:
    try:
        return Loaded(source, tuple(load(source, max_bytes=max_bytes)))
    except DocumentError as error:
        return Loaded(source, (), str(error))


def _is_plain(source: SourceItem) -> bool:
    if source.kind == "beir" or source.problem:
        return True
    try:
        small = source.path.stat().st_size <= _PLAIN_BYTES
        with source.path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return True
    if reader_of(source.path.name) is not None:
        return False
    # A wrong suffix shows in the first bytes; then the file goes where it can do no harm.
    binary = head.startswith((b"PK", b"%PDF", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"<"))
    return small and not binary and source.path.suffix.lower() in _PLAIN
