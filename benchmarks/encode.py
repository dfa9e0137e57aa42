"""Encoding speed of a sentence encoder by each engine, beside sentence-transformers' `encode`.

    python benchmarks/encode.py FOLDER [--model starter] [--passages 400] [--threads N]

FOLDER holds text files (.md, .txt, .rst); passages are 150 words, as they come. Both encode the
same passages in turns, so that another load on the machine hits both; the ratio is of the fastest
turn of each.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from graft.models.encoder import SentenceEncoder, load_encoder
from graft.models.export import export_encoder
from graft.models.fast import FastEncoder
from graft.models.ir import Ir


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
    with tempfile.TemporaryDirectory() as folder:
        made = export_encoder(encoder, Path(folder) / "ir")
        compare(given, texts, encoder, FastEncoder(Ir(made, given.threads), ""))


def compare(
    given: argparse.Namespace, texts: list[str], encoder: SentenceEncoder, fast: FastEncoder
) -> None:
    ways = {
        "graft, openvino": fast.encode_passages,
        "graft, torch": encoder.encode_passages,
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
    plain = seconds["sentence-transformers"]
    for name in ways:
        off = np.abs(vectors[name] - vectors["sentence-transformers"]).max()
        print(f"{name:22s} {plain / seconds[name]:.2f} times as fast, vectors off by {off:.1e}")


if __name__ == "__main__":
    main()
