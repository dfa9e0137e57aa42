"""`read_file`: the one way from a file to its texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from graft.core.errors import DocumentError
from graft.core.left_out import LEFT_OUT, told_left_out
from graft.library import detect as kinds
from graft.library.clean import clean_text
from graft.library.readers.extracted import Blob, Extracted
from graft.library.readers.reader import reader_of

DEFAULT_MAX_BYTES = 64 << 20
UNPACKED = 8
"""How many times its allowed size a container may unpack to."""


def read_file(
    path: Path, media_type: str | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES
) -> list[Extracted]:
    """Return the texts of a file: clean, Markdown-like where it has structure, never blank.

    The type is found by content unless `media_type` names it. Raises DocumentError, with a reason
    for a person, when the file is empty, larger than `max_bytes`, encrypted, damaged, without
    text, or of a kind that cannot be read.
    """
    return read_bytes(path.name, read_source(path, max_bytes), media_type, max_bytes=max_bytes)


def read_source(path: Path, max_bytes: int) -> bytes:
    """Return a file's bytes. Raises DocumentError when it cannot be read or is too large."""
    try:
        if not path.is_file():
            raise DocumentError("it is not a regular file: name files and folders")
        size = path.stat().st_size
        if size > max_bytes:
            raise DocumentError(
                f"the file has {size / (1 << 20):.1f} MiB, and {max_bytes / (1 << 20):.1f} MiB is "
                "the limit: split it, or raise ingest.max_megabytes"
            )
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DocumentError(f"the file cannot be read ({reason}): check its permissions") from error


def read_bytes(
    name: str, data: bytes, media_type: str | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES
) -> list[Extracted]:
    """Return the texts of a file's bytes, as `read_file` does.

    >>> read_bytes("a.md", b"# Leave\\n\\nTen days.")[0].title
    'Leave'
    """
    named = None if media_type else reader_of(name)
    kind = named.media_types[0] if named else media_type or kinds.detect(name, data)
    reader = named or reader_of("", kind)
    if reader is None:
        raise DocumentError(f"the media type {kind} has no reader: leave it out to have it found")
    try:
        found = reader.read(Blob(name, data, UNPACKED * max_bytes))
    except DocumentError:
        raise
    except MemoryError as error:
        raise DocumentError("reading it takes more memory than there is: split the file") from error
    except Exception as error:
        # A parser met what its author did not foresee: this file is lost, the others are not.
        raise DocumentError(
            f"reading it as {kind} failed ({type(error).__name__}: {str(error)[:120]}): "
            "open it in its own program and save it anew"
        ) from error
    texts = [_finished(item, kind) for item in found]
    kept = [item for item in texts if item.text.strip()]
    if not kept:
        raise DocumentError(
            "it holds no text: a scan or drawing needs text recognition (OCR) first"
        )
    return kept


def _finished(item: Extracted, kind: str) -> Extracted:
    text = item.text if item.pages else clean_text(item.text)
    title = " ".join(clean_text(item.title).split())[:300] or first_heading(text)
    metadata = {key: clean_text(value) for key, value in item.metadata.items()}
    metadata.pop(LEFT_OUT, None)  # a file does not say what we leave out
    if told := told_left_out(item.left_out):
        metadata[LEFT_OUT] = told
    return replace(item, text=text, title=title, media_type=kind, metadata=metadata)


def first_heading(text: str) -> str:
    """Return the text of the first Markdown heading near the beginning, or "".

    >>> first_heading("Intro.\\n\\n## Leave days\\n\\nTen.")
    'Leave days'
    """
    fence = False
    for line in text[:4000].split("\n"):
        fence ^= line.lstrip().startswith("```")
        if not fence and line.startswith("#") and line.lstrip("#").startswith(" "):
            return line.lstrip("# ").strip()[:300]
    return ""
