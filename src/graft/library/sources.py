"""Sources: what named paths hold, file by file or BEIR row by row, and each one's documents."""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO
from urllib.parse import quote, unquote

from graft.core.document import Document
from graft.core.errors import DocumentError, InputError
from graft.core.hashing import bytes_hash, file_hash, text_hash
from graft.library.readers import Extracted, read_bytes, reader_of
from graft.library.readers.extracted import access_of
from graft.library.readers.read import DEFAULT_MAX_BYTES, read_source
from graft.library.readers.records import flat, parse_row
from graft.library.walk import Root, find_roots, walk

ROW_VERSION = "1"
"""Raised when the row of a BEIR corpus gives another text than it did."""

LOOKED_AT = 5
"""Lines of a corpus.jsonl that are looked at to tell whether it is a BEIR corpus."""

_DRIVE = re.compile(r"/[A-Za-z]:/")
"""What the path of a URI starts with on Windows."""


@dataclass(frozen=True)
class SourceItem:
    """One file, or one row of a BEIR corpus, under a root that was named.

    `root` is what was named, made absolute. `id` is the path relative to it in POSIX form (a BEIR
    id as it is). `row` is a BEIR row's JSON. `problem` says why it cannot be loaded, when that
    showed while listing.
    """

    root: str
    id: str
    path: Path
    kind: Literal["file", "beir"] = "file"
    row: str = ""
    problem: str = ""

    @property
    def uri(self) -> str:
        """The file's URI; a row's has its id as the fragment."""
        uri = self.path.as_uri()
        return f"{uri}#{quote(self.id, safe='')}" if self.kind == "beir" else uri


def expand(
    paths: Iterable[str | Path],
    *,
    exclude: Sequence[str] = (),
    known: Mapping[str, str] | None = None,
) -> Iterator[SourceItem]:
    """Return the sources under files, folders, globs and BEIR folders, in the order of their names.

    Files and folders whose name fits a glob of `exclude` are left out, and those whose path below
    the root does, for a glob with a slash; what is named itself always counts. Two files with one
    id are told apart by the name of their root; `known` (ids of stored sources to their URIs,
    see `source_id`) keeps a file's id the same, whatever root names it. A file under two roots
    comes once.

    Raises InputError, before anything is yielded, for a path that does not exist or cannot be
    read, and for a glob that fits nothing.
    """
    return _expand(find_roots(paths, exclude), exclude, known or {})


def source_id(document_id: str, uri: str) -> str:
    """Return the id of the source that a stored document came from: its own, without a row's.

    >>> source_id("faq.jsonl#7", "file:///docs/faq.jsonl#7")
    'faq.jsonl'
    """
    if "#" not in uri:
        return document_id
    fragment = unquote(uri.partition("#")[2])
    return document_id.removesuffix(f"#{fragment}") if fragment else document_id


def path_of(uri: str) -> Path | None:
    """Return the file that a stored document came from, None where its URI names none.

    >>> path_of("file:///docs/a%20b.jsonl#7")
    PosixPath('/docs/a b.jsonl')
    """
    if not uri.startswith("file:///"):
        return None
    # As the file system has them, names that are no UTF-8 included.
    name = unquote(uri.partition("#")[0].removeprefix("file://"), errors="surrogateescape")
    return Path(name[1:] if _DRIVE.match(name) else name)


def fingerprint(
    source: SourceItem, media_type: str = "text/plain", *, max_bytes: int = DEFAULT_MAX_BYTES
) -> str:
    """Return the hash of a source's bytes and of the reader of its media type, without parsing.

    It is "" where that type has no reader any more. Raises DocumentError for a file that cannot
    be read or is larger than `max_bytes`.
    """
    if source.kind == "beir":
        return text_hash(f"{text_hash(source.row)}:{ROW_VERSION}")
    try:
        if source.path.is_file() and source.path.stat().st_size <= max_bytes:
            return _stamped(file_hash(source.path), source.path.name, media_type)
    except OSError:
        pass
    data = read_source(source.path, max_bytes)
    return _stamped(bytes_hash(data), source.path.name, media_type)


def load(source: SourceItem, *, max_bytes: int = DEFAULT_MAX_BYTES) -> list[Document]:
    """Return a source's documents; those of a file with several have "#" and their own id behind.

    Raises DocumentError, with the reason, when it cannot be read.
    """
    if source.problem:
        raise DocumentError(source.problem)
    if source.kind == "beir":
        return [_beir_document(source)]
    data = read_source(source.path, max_bytes)
    found = read_bytes(source.path.name, data, max_bytes=max_bytes)
    print_ = _stamped(bytes_hash(data), source.path.name, found[0].media_type)
    return [_document(source, item, print_) for item in found]


def _stamped(digest: str, name: str, media_type: str) -> str:
    reader = reader_of(name, media_type)
    return text_hash(f"{digest}:{reader.stamp}") if reader else ""


def _document(source: SourceItem, item: Extracted, print_: str) -> Document:
    part = item.suffix_id
    name = source.path.stem.replace("_", " ").encode("utf-8", "replace").decode("utf-8")
    return Document(
        id=f"{source.id}#{part}" if part else source.id,
        text=item.text,
        title=item.title or ("" if part else name),
        media_type=item.media_type,
        uri=f"{source.uri}#{quote(part, safe='')}" if part else source.uri,
        source=source.root,
        fingerprint=print_,
        access=item.access,
        pages=item.pages,
        metadata=dict(item.metadata),
    )


def _beir_document(source: SourceItem) -> Document:
    row = json.loads(source.row)
    title, text = str(row.get("title") or ""), str(row.get("text") or "")
    if not title.strip() and not text.strip():
        raise DocumentError("the row has neither title nor text: there is nothing to search")
    rest = {k: v for k, v in row.items() if k not in ("_id", "title", "text", "metadata", "access")}
    nested = row.get("metadata")
    return Document(
        id=source.id,
        # A passage is a span of the text, so that a row of a title alone has its title as text.
        text=text if text.strip() else title,
        title=title,
        uri=source.uri,
        source=source.root,
        fingerprint=fingerprint(source),
        access=access_of(row.get("access")),
        metadata=flat({**rest, **(nested if isinstance(nested, Mapping) else {})}),
    )


def _expand(
    roots: Sequence[Root], exclude: Sequence[str], known: Mapping[str, str]
) -> Iterator[SourceItem]:
    taken: set[str] = set()
    seen: set[str] = set()
    stored: dict[str, list[str]] = {}
    for id, uri in known.items():
        stored.setdefault(uri, []).append(id)
    for root in roots:
        corpus = _corpus(root)
        if corpus is not None:
            for source in _rows(root, corpus):
                id = _distinct(source.id, root, source.path.as_uri(), known, taken)
                yield (
                    source
                    if id == source.id
                    else SourceItem(source.root, id, corpus, "beir", source.row, source.problem)
                )
            continue
        for path, relative in walk(root, exclude):
            real = os.path.realpath(path) if len(roots) > 1 else ""
            if real and real in seen:
                continue
            seen.update([real] if real else [])
            # A corpus has many ids at one URI; as a file it has none of them.
            before = stored.get(path.as_uri(), [])
            id = before[0] if len(before) == 1 else _posix(relative)
            yield SourceItem(root.name, _distinct(id, root, path.as_uri(), known, taken), path)


def _posix(relative: Path) -> str:
    """Return a path with slashes; bytes that are no UTF-8 are shown as escapes."""
    return os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")


def _distinct(id: str, root: Root, uri: str, known: Mapping[str, str], taken: set[str]) -> str:
    folder = root.base.parent if root.kind == "file" else root.base
    names = [_posix(Path(part)) for part in folder.parts[1:]]
    prefixed = ["/".join([*names[-depth:], id]) for depth in range(1, len(names) + 1)]
    candidates = [id, *prefixed]
    kept = next((c for c in candidates if known.get(c) == uri and c not in taken), None)
    free = next((c for c in candidates if c not in taken and known.get(c, uri) == uri), None)
    chosen = (
        kept or free or next(f"{id}~{n}" for n in range(2, 1 << 30) if f"{id}~{n}" not in taken)
    )
    taken.add(chosen)
    return chosen


def _corpus(root: Root) -> Path | None:
    """Return a BEIR folder's corpus: a corpus.jsonl of whose first rows one has an `_id`."""
    path = root.base / "corpus.jsonl" if root.kind == "folder" else root.base
    if root.kind == "glob" or path.name != "corpus.jsonl" or not path.is_file():
        return None
    try:
        with _opened(path) as file:
            first = [file.readline(1 << 24) for _ in range(LOOKED_AT)]
    except OSError:
        return None
    return path if any(map(_has_id, first)) else None


def _has_id(line: str) -> bool:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, Mapping) and "_id" in row


def _opened(corpus: Path) -> TextIO:
    """Open a corpus as text whose lines end at a line feed alone, whatever its byte order mark."""
    with corpus.open("rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if wide else "utf-8-sig"
    return corpus.open(encoding=encoding, errors="replace", newline="\n")


def _rows(root: Root, corpus: Path) -> Iterator[SourceItem]:
    used: set[str] = set()
    try:
        with _opened(corpus) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _row(root, corpus, line, number, used)
    except OSError as error:
        raise InputError(
            f"{corpus} cannot be read ({error.strerror}): check its permissions"
        ) from error


def _row(root: Root, corpus: Path, line: str, number: int, used: set[str]) -> SourceItem:
    text = line.strip().removesuffix(",")
    name, problem = f"{corpus.name}:{number}", ""
    try:
        row = parse_row(text, number)
        if not isinstance(row, Mapping) or row.get("_id") in (None, ""):
            problem = f"line {number} has no _id: each row of a BEIR corpus needs one"
        elif str(row["_id"]) in used:
            problem = (
                f"line {number} has the _id {row['_id']!r} a second time: ids must be distinct"
            )
        else:
            name = str(row["_id"])
            used.add(name)
    except DocumentError as error:
        problem = str(error)
    return SourceItem(root.name, name, corpus, "beir", text, problem)
