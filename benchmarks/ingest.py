"""What one changed file costs in a library of some size, in one warm process.

    python benchmarks/ingest.py [--sizes 100 1000 10000] [--profile]

Pages of three short sections are recombined from the sentences of Python's own help topics.
Vectors are made from words in no time, so that what is told is the library's share. The changed
file is named itself: how long a folder takes to walk is told apart.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import tempfile
import time
from pathlib import Path

from start import write_files

from graft import wire
from graft.api import Workspace
from graft.testing import FakeEncoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--changes", type=int, default=7)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    made = FakeEncoder(dimensions=384)
    wire.encoder = lambda w, table: made
    from graft.loop import releases, spaces

    releases.encoder = spaces.encoder = wire.encoder
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), size, given)


def measure(root: Path, size: int, given: argparse.Namespace) -> None:
    docs = root / "docs"
    docs.mkdir()
    write_files(docs, size, sections=3)
    workspace = Workspace(
        root / "ws",
        {"segment.max_tokens": "48", "segment.tokenizer": "words", "generate.url": "http://x"},
    )
    began = time.perf_counter()
    workspace.ingest(str(docs))
    first = time.perf_counter() - began
    began = time.perf_counter()
    workspace.ingest(str(docs))
    walked = time.perf_counter() - began
    draw, taken = random.Random(1), []
    profile = cProfile.Profile()
    for turn in range(given.changes + 1):
        path = docs / f"page-{draw.randrange(size):05}.md"
        path.write_text(path.read_text() + f"\n\nChanged for the {turn}th time.", encoding="utf-8")
        if turn:
            profile.enable()
        began = time.perf_counter()
        done = workspace.ingest(str(path))
        if turn:
            profile.disable()
            taken.append(time.perf_counter() - began)
        assert (done.updated, done.documents) == (1, size), done
    print(
        f"{size:7,} files: first {first:6.1f} s, nothing changed {walked:5.2f} s, one changed file "
        f"{statistics.median(taken):.3f} s (from {min(taken):.3f} to {max(taken):.3f})", flush=True,
    )  # fmt: skip
    if given.profile:
        pstats.Stats(profile).sort_stats("cumtime").print_stats(45)


if __name__ == "__main__":
    main()
