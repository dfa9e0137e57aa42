"""Loading many sources: text here, other formats in processes that may crash or hang alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from graft.core.document import Document
from graft.core.errors import DocumentError
from graft.core.mapper import Here, Lost, Mapper, Processes
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


@dataclass(frozen=True)
class Loaded:
    """What became of a source: its documents, or the reason why there are none."""

    source: SourceItem
    documents: tuple[Document, ...] = ()
    reason: str = ""


def load_all(
    sources: Iterable[SourceItem],
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    workers: int = 1,
    timeout: float = SECONDS_A_FILE,
) -> Iterator[Loaded]:
    """Yield what became of each source, in their order; one bad file never stops the others.

    Text of up to 4 MiB is read here; other formats in `workers` processes of their own (0 reads
    all here), which are started when the first such file comes. A file that crashes its process,
    or takes longer than `timeout` seconds and 3 more a MiB, is given up with that reason.
    """
    mapper: Mapper = Here()
    if workers and not READERS.added:  # a reader of this process alone is not known to others
        mapper = Processes(
            workers,
            seconds=lambda source: timeout + _seconds(source),
            memory=max(MEMORY, UNPACKED * 4 * max_bytes),
            here=_is_plain,
        )
    for loaded in mapper.map(partial(_read, max_bytes=max_bytes), sources):
        if isinstance(loaded, Lost):
            yield Loaded(loaded.item, (), _reason(loaded, timeout))
        else:
            yield loaded


def _read(source: SourceItem, *, max_bytes: int) -> Loaded:
    try:
        return Loaded(source, tuple(load(source, max_bytes=max_bytes)))
    except DocumentError as error:
        return Loaded(source, (), str(error))


def _reason(lost: Lost[SourceItem], timeout: float) -> str:
    if lost.how == "late":
        return (
            f"reading it took longer than {timeout:.0f} s: split it, or convert it to another "
            "format"
        )
    return (
        "reading it crashed the reader (a damaged file, or too little memory): "
        "open it in its own program and save it anew"
    )


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


def _seconds(source: SourceItem) -> float:
    """Return how much longer a source may take for its size; one that is gone has none."""
    try:
        return SECONDS_A_MEGABYTE * source.path.stat().st_size / (1 << 20)
    except OSError:
        return 0.0
