"""Encoding speed of a sentence encoder, beside sentence-transformers' own `encode`.

    python benchmarks/encode.py FOLDER [--model starter] [--passages 400] [--threads N]

FOLDER holds text files (.md, .txt, .rst); passages are 150 words, as they come. Both encode the
same passages in turns, so that another load on the machine hits both; the ratio is of the fastest
turn of each.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import numpy as np
import torch

from graft.models.encoder import load_encoder


def passages(folder: Path, count: int) -> list[str]:
    files = sorted(p for p in folder.rglob("*") if p.suffix in {".md", ".txt", ".rst"})
    found = []
    for file in files:
        words = file.read_text(encoding="utf-8", errors="replace").split(" ")
        found += [" ".join(words[i : i + 150]) for i in range(0, len(words), 150)]
    random.Random(0).shuffle(found)
    return found[:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    texts = passages(given.folder, given.passages)
    encoder = load_encoder(given.model)
    ways = {
        "graft": encoder.encode_passages,
        "sentence-transformers": lambda texts: encoder.module.encode(texts, batch_size=32),
    }
    vectors, seconds = {}, {name: float("inf") for name in ways}
    for way in ways.values():
        way(texts[:8])
    for _ in range(given.turns):
        for name, way in ways.items():
            started = time.perf_counter()
            vectors[name] = way(texts)
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    size = sum(map(len, texts))
    for name, taken in seconds.items():
        print(f"{name:22s} {size / taken:8.0f} characters/s, {len(texts) / taken:6.1f} passages/s")
    difference = np.abs(vectors["graft"] - vectors["sentence-transformers"]).max()
    print(
        f"{len(texts)} passages, {torch.get_num_threads()} threads: ratio "
        f"{seconds['sentence-transformers'] / seconds['graft']:.2f}, "
        f"largest difference of a coordinate {difference:.1e}"
    )


if __name__ == "__main__":
    main()
