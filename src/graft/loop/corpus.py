"""The demo's documents: Python's language reference and docstrings, which every Python has."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics
from types import ModuleType
from typing import Any

MODULES = (
    "argparse", "bisect", "calendar", "cmd", "collections", "configparser", "contextlib", "copy",
    "csv", "dataclasses", "datetime", "decimal", "difflib", "email", "enum", "fileinput",
    "fnmatch", "fractions", "functools", "gettext", "glob", "graphlib", "gzip", "hashlib", "heapq",
    "html", "inspect", "io", "ipaddress", "itertools", "json", "locale", "logging", "mailbox",
    "mimetypes", "numbers", "os", "pathlib", "pickle", "pkgutil", "platform", "pprint", "queue",
    "random", "re", "sched", "secrets", "selectors", "shelve", "shlex", "shutil", "socketserver",
    "sqlite3", "statistics", "string", "struct", "subprocess", "tarfile", "tempfile", "textwrap",
    "threading", "timeit", "tokenize", "traceback", "types", "typing", "unittest", "urllib.parse",
    "uuid", "warnings", "weakref", "webbrowser", "zipfile", "zoneinfo",
)  # fmt: skip
"""Modules whose docstrings say something; those that would open a window or a page are not here."""

SHARED_LINES = 0.3
"""A topic of which more than this share of lines stands in shorter topics is left out: the
reference repeats whole chapters, and a copy in training would leak into the test documents."""


LONGEST = 12_000
"""Characters of the longest page that is taken: a dozen longer ones would be two fifths of all
passages, and of the time that a processor needs to embed them, and ask for no more questions."""

SHORTEST = 120
"""Characters of the shortest docstring that is a page of its own."""


def write_corpus(folder: Path) -> int:
    """Write the documents as Markdown files under `folder` and return how many there are."""
    count = 0
    for name, text in [*_topics(), *_docstrings()]:
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        count += 1
    return count


def _topics() -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for name, text in sorted(topics.items(), key=lambda item: (len(item[1]), item[0])):
        lines = {line.strip() for line in text.splitlines() if len(line.strip()) > 20}
        if lines and len(text) <= LONGEST and len(lines & seen) <= SHARED_LINES * len(lines):
            yield f"language/{name.lower()}", markdown(text)
            seen |= lines


def markdown(text: str) -> str:
    """Return a reference text with its underlined titles as Markdown headings.

    >>> markdown("The with statement\\n******************\\n\\nIt wraps.")
    '# The with statement\\n\\nIt wraps.\\n'
    """
    levels = {"*": "#", "=": "##", "-": "###", "~": "####"}
    pattern = r"^(\S.*)\n([*=\-~])\2{2,}[ \t]*$"
    return re.sub(pattern, lambda m: f"{levels[m[2]]} {m[1]}", text, flags=re.M).strip() + "\n"


def _docstrings() -> Iterator[tuple[str, str]]:
    """A page for each module, function and class whose docstring says something.

    Of names that differ in upper case alone, and so are one file to some systems, the first.
    """
    seen: set[str] = set()
    for name in MODULES:
        module = importlib.import_module(name)
        for title, thing in [(name, module), *_members(name, module)]:
            text = (thing.__doc__ and inspect.getdoc(thing)) or ""
            path = f"library/{title.replace('.', '/')}"
            if SHORTEST <= len(text) <= LONGEST and path.casefold() not in seen:
                seen.add(path.casefold())
                yield path, f"# {title}\n\n{text}\n"


def _members(name: str, module: ModuleType) -> Iterator[tuple[str, Any]]:
    for member in getattr(module, "__all__", None) or sorted(vars(module)):
        thing = getattr(module, member, None)
        routine = inspect.isroutine(thing) or inspect.isclass(thing)
        if not member.startswith("_") and routine and inspect.getmodule(thing) is module:
            yield f"{name}.{member}", thing
