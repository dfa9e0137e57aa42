"""Plain text and source code."""

from __future__ import annotations

import re
from pathlib import PurePath

from graft.library import detect as kinds
from graft.library.clean import clean_text
from graft.library.encodings import decoded
from graft.library.readers.extracted import Blob, Extracted
from graft.library.readers.reader import Reader

_LANGUAGES = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript",
    ".ts": "typescript",
    ".tsx": "tsx", ".jsx": "jsx", ".java": "java", ".kt": "kotlin", ".scala": "scala", ".go": "go",
    ".rs": "rust", ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp",
    ".cs": "csharp", ".swift": "swift", ".m": "objc", ".rb": "ruby", ".php": "php", ".pl": "perl",
    ".lua": "lua", ".r": "r", ".jl": "julia", ".hs": "haskell", ".ex": "elixir", ".erl": "erlang",
    ".clj": "clojure", ".sh": "bash", ".bash": "bash", ".zsh": "bash", ".ps1": "powershell",
    ".sql": "sql", ".css": "css", ".scss": "scss", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml",
    ".ini": "ini", ".cfg": "ini", ".conf": "conf", ".properties": "properties", ".proto": "proto",
    ".graphql": "graphql", ".tf": "hcl", ".dockerfile": "dockerfile", ".cmake": "cmake",
    ".diff": "diff", ".patch": "diff", ".vue": "vue", ".svelte": "svelte", ".dart": "dart",
}  # fmt: skip
_NAMES = {"makefile": "make", "dockerfile": "dockerfile", "cmakelists.txt": "cmake"}


def read_text(blob: Blob) -> list[Extracted]:
    """Return a text as it is; source code is fenced, so that its comments are no headings."""
    found = decoded(blob.data)
    text = found.text
    language = code_language(blob.name)
    if language:
        text = fenced(clean_text(text), language)
    return [Extracted("", text, left_out=found.left_out)]


def code_language(name: str) -> str:
    """Return the language of a source file by its name, or "".

    >>> code_language("src/app.py"), code_language("Makefile"), code_language("a.txt")
    ('python', 'make', '')
    """
    path = PurePath(name)
    return _NAMES.get(path.name.lower()) or _LANGUAGES.get(path.suffix.lower(), "")


def fenced(code: str, language: str = "") -> str:
    """Return code in a Markdown fence longer than any inside it."""
    runs = [len(run) for run in re.findall(r"`{3,}", code)]
    fence = "`" * max([2, *runs], default=2) + "`"
    body = code.strip("\n")
    return f"{fence}{language}\n{body}\n{fence}"


TEXT = Reader("text", (kinds.TEXT,), read_text, "2")
