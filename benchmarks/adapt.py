"""From documents to a verdict: `graft adapt` on documents that every Python has.

    python benchmarks/adapt.py [--documents 1000] [--demo] [--set KEY=VALUE ...] [--keep FOLDER]

A document is a topic of the language reference, or the docstring of a module, class or function of
the standard library, the longest first. With --demo the settings are those of `graft demo` (small
passages, few questions, one epoch), else the defaults. Prints the verdict, the seconds by the wall
and of the processor, and the largest resident memory of the process.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

from graft.jobs.demo import SETTINGS
from graft.loop.corpus import LONGEST, MODULES, markdown

MORE = (
    "abc", "array", "ast", "asyncio", "base64", "binascii", "builtins", "cmath", "code", "codecs",
    "codeop", "colorsys", "compileall", "concurrent.futures", "dis", "doctest", "email.message",
    "filecmp", "ftplib", "getopt", "getpass", "http.client", "http.cookiejar", "http.cookies",
    "http.server", "imaplib", "importlib", "importlib.metadata", "importlib.resources", "keyword",
    "linecache", "logging.config", "logging.handlers", "lzma", "math", "mmap", "modulefinder",
    "multiprocessing", "netrc", "operator", "optparse", "os.path", "pdb", "plistlib", "poplib",
    "profile", "pstats", "py_compile", "pydoc", "quopri", "reprlib", "runpy", "signal", "site",
    "smtplib", "socket", "ssl", "stat", "symtable", "sysconfig", "time", "trace", "tracemalloc",
    "unicodedata", "unittest.mock", "urllib.request", "urllib.robotparser", "wave", "xml.dom",
    "xml.etree.ElementTree", "xml.sax", "xmlrpc.client", "zipimport", "bz2", "bdb", "cProfile",
)  # fmt: skip


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield name and docstring of every module, class, method and function that has one."""
    for name in (*MODULES, *MORE):
        module = importlib.import_module(name)
        yield name, inspect.getdoc(module) or ""
        for member, thing in sorted(vars(module).items()):
            if member.startswith("_") or inspect.getmodule(thing) is not module:
                continue
            yield f"{name}.{member}", getattr(thing, "__doc__", None) or ""
            if inspect.isclass(thing):
                for method, inner in sorted(vars(thing).items()):
                    if not method.startswith("_"):
                        yield f"{name}.{member}.{method}", getattr(inner, "__doc__", None) or ""


def write_documents(folder: Path, count: int) -> int:
    """Write `count` documents, or as many as there are; return how many."""
    texts: dict[str, str] = {}
    for name, text in [*((n, markdown(t)) for n, t in sorted(topics.items())), *docstrings()]:
        cleaned = inspect.cleandoc(text) if isinstance(text, str) else ""
        if cleaned and len(cleaned) <= LONGEST:
            texts.setdefault(cleaned, name)
    longest = sorted(texts, key=lambda text: (-len(text), text))[:count]
    for text in longest:
        name = texts[text]
        body = text if text.startswith("# ") else f"# {name}\n\n{text}"
        (folder / f"{name}.md").write_text(body + "\n", encoding="utf-8")
    return len(longest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        root = given.keep or Path(made)
        documents = root / "documents"
        documents.mkdir(parents=True)
        count = write_documents(documents, given.documents)
        size = sum(len(path.read_text("utf-8")) for path in documents.rglob("*.md"))
        said = [f"{key}={value}" for key, value in SETTINGS.items()] if given.demo else []
        command = [
            str(Path(sys.executable).with_name("graft")),
            "-w",
            str(root),
            "adapt",
            str(documents),
            "--json",
        ]
        for text in (*said, *given.set):
            command += ["--set", text]
        print(
            f"{count} documents, {size:,} characters, {platform.processor() or cpu()}", flush=True
        )
        started = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = json.loads(done.stdout)
        print(found["verdict"]["sentence"])
        print(f"{seconds:.0f} s by the wall, {used.ru_utime + used.ru_stime:.0f} s of processor")
        print(f"{used.ru_maxrss / 2**20:.2f} GiB resident at most")


def cpu() -> str:
    """Return the processor's name as Linux tells it, or the machine's."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "")


if __name__ == "__main__":
    main()
