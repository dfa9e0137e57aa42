"""Encoding speed of a sentence encoder by engine and dtype, beside sentence-transformers' `encode`.

    python benchmarks/encode.py FOLDER [--model starter] [--passages 400] [--threads N]
        [--dtypes float32,bfloat16]

FOLDER holds text files (.md, .txt, .rst); passages are 150 words, as they come. All encode the same
passages in turns, so that another load on the machine hits all; the ratio is of the fastest turn of
each, in seconds and, in brackets, in processor time. bfloat16 is by OpenVINO where the processor
has it, and by torch elsewhere.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from graft.core.protocols import Vectors
from graft.models.encoder import load_encoder
from graft.models.export import export_encoder
from graft.models.fast import FastEncoder
from graft.models.ir import Ir, computes_bfloat16

PLAIN = "sentence-transformers"
Way = Callable[[list[str]], Vectors]


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
    parser.add_argument("--dtypes", default="float32")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    texts = passages(given.folder, given.passages)
    encoder = load_encoder(given.model)
    ways: dict[str, Way] = {
        PLAIN: lambda texts: encoder.module.encode(texts, batch_size=32),
        "graft, torch": encoder.encode_passages,
    }
    with tempfile.TemporaryDirectory() as folder:
        for dtype in given.dtypes.split(","):
            if dtype == "bfloat16" and not computes_bfloat16():
                ways["torch, bfloat16"] = replace(encoder, dtype="bfloat16").encode_passages
                continue
            started = time.perf_counter()
            made = export_encoder(encoder, Path(folder) / dtype, dtype=dtype)
            print(f"written in {dtype} in {time.perf_counter() - started:.1f} s")
            ways[f"openvino, {dtype}"] = FastEncoder(Ir(made, given.threads), "").encode_passages
        compare(ways, texts, given.turns)


def compare(ways: dict[str, Way], texts: list[str], turns: int) -> None:
    vectors: dict[str, Vectors] = {}
    seconds, processor = ({name: float("inf") for name in ways} for _ in range(2))
    for way in ways.values():
        way(texts[:8])
    for _ in range(turns):
        for name, way in ways.items():
            started, worked = time.perf_counter(), time.process_time()
            vectors[name] = way(texts)
            seconds[name] = min(seconds[name], time.perf_counter() - started)
            processor[name] = min(processor[name], time.process_time() - worked)
    size = sum(map(len, texts))
    for name, taken in seconds.items():
        print(f"{name:22s} {size / taken:8.0f} characters/s, {len(texts) / taken:6.1f} passages/s")
    plain = unit(vectors[PLAIN])
    for name, found in vectors.items():
        cosine = (unit(found) * plain).sum(1)
        off = np.abs(found - vectors[PLAIN]).max()
        ratio = seconds[PLAIN] / seconds[name], processor[PLAIN] / processor[name]
        print(
            f"{name:22s} {ratio[0]:.2f} ({ratio[1]:.2f}) times as fast, vectors off by {off:.1e}, "
            f"cosine {cosine.mean():.5f}, at least {cosine.min():.5f}"
        )


def unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
