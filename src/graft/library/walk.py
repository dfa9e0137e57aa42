"""Walking folders and globs: in order, without loops, special files by name only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from graft.core.errors import InputError

_MAGIC = re.compile(r"[*?\[]")

PASSED_BY = ("~$*", "thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", ".~lock.*#")
"""Files, in small letters, that programs leave beside documents: locks, thumbnails, settings."""


@dataclass(frozen=True)
class Root:
    """What was named: a file, a folder, or a glob below `base`. `name` tells roots apart."""

    name: str
    base: Path
    kind: Literal["file", "folder", "glob"]
    pattern: tuple[str, ...] = ()


@dataclass
class _Links:
    """Folders reached through symbolic links so far, so that none is walked twice."""

    root: str
    followed: set[tuple[int, int]] = field(default_factory=set)


def find_roots(paths: Iterable[str | Path], exclude: Sequence[str] = ()) -> list[Root]:
    """Return the roots of named paths, each once.

    Raises InputError for one that does not exist or cannot be read, and a glob that fits nothing.
    """
    roots: dict[str, Root] = {}
    for named in paths:
        root = _root(_home(named), str(named))
        if root.kind == "glob" and next(walk(root, exclude), None) is None:
            raise InputError(f"{named} fits no file: check the pattern")
        roots.setdefault(root.name, root)
    if not roots:
        raise InputError("no path was named: name files, folders or globs to ingest")
    return list(roots.values())


def lies_under(path: Path, root: Root, exclude: Sequence[str] = ()) -> bool:
    """Return whether a file, there or not, is one that a walk of the root would come to.

    >>> lies_under(Path("/docs/a/b.md"), Root("/docs", Path("/docs"), "folder"), exclude=["x"])
    True
    """
    if not path.is_relative_to(root.base):
        return False
    parts = path.relative_to(root.base).parts
    if root.kind == "file" or not _fits(parts, root.pattern):
        return not parts
    below = [root.base.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    return not any(_excluded(each, root.base, exclude) for each in below) and not _passed(path)


def glob_of(name: str) -> Root | None:
    """Return the glob whose root has this name, None for the name of a file or a folder."""
    path = Path(name)
    return _as_glob(path) if _MAGIC.search(name) and not path.exists() else None


def _home(named: str | Path) -> Path:
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        raise InputError(f"{named} names the home of a user who is not known: check it") from error


def _root(path: Path, named: str) -> Root:
    try:
        exists = path.exists()
        real = path.resolve()
        if exists and path.is_dir():
            # Listing shows whether it can be read at all, before anything counts as removed.
            with os.scandir(real):
                return Root(real.as_posix(), real, "folder")
        if exists:
            with real.open("rb") if real.is_file() else os.scandir(real.parent):
                return Root(real.as_posix(), real, "file")
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{named} cannot be read ({reason}): nothing was changed") from error
    if _MAGIC.search(named):
        root = _as_glob(path)
        if root.base.is_dir():
            return root
    raise InputError(f"{named} does not exist: check the path; nothing was changed")


def _as_glob(path: Path) -> Root:
    parts = path.parts
    first = next(i for i, part in enumerate(parts) if _MAGIC.search(part))
    base = Path(*parts[:first]).resolve() if first else Path.cwd()
    pattern = parts[first:]
    return Root("/".join([base.as_posix(), *pattern]), base, "glob", pattern)


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether a path, or a folder on its way, fits a glob; the empty one fits all."""
    if not pattern:
        return True
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        return not rest or any(_fits(parts[n:], rest) for n in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], head) and _fits(parts[1:], rest)


def walk(root: Root, exclude: Sequence[str] = ()) -> Iterator[tuple[Path, Path]]:
    """Yield the files of a root with their path below it, by name; excluded names are left out.

    So are, below a folder, links to what is not there and what programs leave beside documents
    (`PASSED_BY`). A link to a folder inside the root, or to one already reached, is not followed.
    Raises InputError for a folder below the root that cannot be read.
    """
    if root.kind == "file":
        yield root.base, Path(root.base.name)
        return
    links = _Links(os.path.realpath(root.base))
    if root.kind == "folder":
        files = _walk(root.base, root.base, exclude, links)
    else:
        files = _glob(root, exclude, links)
    for path in files:
        yield path, path.relative_to(root.base)


def _glob(root: Root, exclude: Sequence[str], links: _Links) -> Iterator[Path]:
    seen: set[Path] = set()
    for found in _matches(root.base, root.base, root.pattern, exclude, links):
        for path in _walk(found, root.base, exclude, links) if found.is_dir() else (found,):
            if path not in seen and not _passed(path):
                seen.add(path)
                yield path


def _matches(
    folder: Path, base: Path, pattern: Sequence[str], exclude: Sequence[str], links: _Links
) -> Iterator[Path]:
    if not pattern:
        yield folder
        return
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        yield from (
            _matches(folder, base, rest, exclude, links)
            if rest
            else _walk(folder, base, exclude, links)
        )
    for entry in _entries(folder):
        path = Path(entry.path)
        if _excluded(path, base, exclude):
            continue
        if head == "**":
            if rest and _enters(entry, links):
                yield from _matches(path, base, pattern, exclude, links)
        elif fnmatchcase(entry.name, head):
            if not rest:
                yield path
            elif _enters(entry, links):
                yield from _matches(path, base, rest, exclude, links)


def _walk(folder: Path, base: Path, exclude: Sequence[str], links: _Links) -> Iterator[Path]:
    for entry in _entries(folder):
        path = Path(entry.path)
        if _excluded(path, base, exclude):
            continue
        if _is_folder(entry):
            if _enters(entry, links):
                yield from _walk(path, base, exclude, links)
        elif not _passed(path):
            yield path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read ({error.strerror}): mend its permissions or exclude it; "
            "nothing was changed"
        ) from error


def _passed(path: Path) -> bool:
    """Return whether a file is no document: left there by a program, or a link to nothing."""
    name = path.name.lower()
    return _is_dead(path) or any(fnmatchcase(name, glob) for glob in PASSED_BY)


def _is_dead(path: Path) -> bool:
    try:
        return path.is_symlink() and not path.exists()
    except OSError:
        return False  # it may be there, and reading it says why it cannot be seen


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _enters(entry: os.DirEntry[str], links: _Links) -> bool:
    if not _is_folder(entry):
        return False
    if not entry.is_symlink():
        return True
    real = os.path.realpath(entry.path)
    if real == links.root or real.startswith(links.root.rstrip(os.sep) + os.sep):
        return False
    status = entry.stat()
    key = (status.st_dev, status.st_ino)
    if key in links.followed or links.root.startswith(real.rstrip(os.sep) + os.sep):
        return False
    links.followed.add(key)
    return True


def _excluded(path: Path, base: Path, exclude: Sequence[str]) -> bool:
    relative = path.relative_to(base).as_posix()
    return any(
        fnmatchcase(relative, glob) if "/" in glob else fnmatchcase(path.name, glob)
        for glob in exclude
    )
