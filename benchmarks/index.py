"""Characters a second from a folder of Markdown to an index on disk, beside three other ways.

    python -m venv /tmp/llamaindex && /tmp/llamaindex/bin/pip install torch==2.13.0 \\
        llama-index-core llama-index-embeddings-huggingface llama-index-readers-file
    python -m venv /tmp/txtai && /tmp/txtai/bin/pip install torch==2.13.0 txtai
    python benchmarks/index.py FOLDER [--threads 1 2] [--turns 3] \\
        --llamaindex /tmp/llamaindex/bin/python --txtai /tmp/txtai/bin/python

Each turn is a new process of each, one after the other, so that another load on the machine hits
all; ratios are of medians. All have the starter encoder (all-MiniLM-L6-v2, by its folder), read the
same `*.md` and end with their index written. How each cuts:

- plain (sentence-transformers + numpy): windows of 254 tokens (256 with the special ones), sliced
  out of the text as it is, no overlap; `encode` at its own batch size of 32; vectors by numpy.save,
  texts as JSON;
- txtai cuts nothing: it is handed the windows of plain, and keeps their texts (`content=True`);
- LlamaIndex as its quick start says: SimpleDirectoryReader, which makes a document of each Markdown
  section, SentenceSplitter at 254 tokens of the encoder's without overlap, each passage embedded
  with its file's path before it;
- Graft by structure at `segment.max_tokens` 254, each passage with its title and headings before
  it. It writes full text, signatures of near-duplicates and a release besides.

"All" counts from the start of the process to its end; "index" leaves out the imports and the
loading of models. The model that OpenVINO reads is written before the turns, which a machine does
once; what that takes is printed. Processor time is of all threads and processes, user and system.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

TOKENS = 254
Ready = tuple[int, tuple[float, float]]
"""How many passages were indexed, and the times at which the encoder was loaded."""


def times() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = used.ru_utime + used.ru_stime + ended.ru_utime + ended.ru_stime
    return time.perf_counter(), spent


def windows(folder: Path, tokenizer: Any) -> list[str]:
    found = []
    for file in sorted(folder.rglob("*.md")):
        text = file.read_text(encoding="utf-8")
        read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        spans = read["offset_mapping"]
        for i in range(0, len(spans), TOKENS):
            some = spans[i : i + TOKENS]
            found.append(text[some[0][0] : some[-1][1]])
    return found


def plain(folder: Path, model: str, target: Path) -> Ready:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(model, device="cpu")
    ready = times()
    texts = windows(folder, encoder.tokenizer)
    vectors = encoder.encode(texts, normalize_embeddings=True)
    np.save(target / "vectors.npy", vectors)
    (target / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    return len(texts), ready


def llamaindex(folder: Path, model: str, target: Path) -> Ready:
    from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from transformers import AutoTokenizer

    encoder = HuggingFaceEmbedding(model_name=model, device="cpu", embed_batch_size=32)
    tokenizer = AutoTokenizer.from_pretrained(model)
    ready = times()
    documents = SimpleDirectoryReader(
        str(folder), recursive=True, required_exts=[".md"]
    ).load_data()
    splitter = SentenceSplitter(
        chunk_size=TOKENS,
        chunk_overlap=0,
        tokenizer=lambda text: tokenizer.encode(text, add_special_tokens=False),
    )
    index = VectorStoreIndex.from_documents(
        documents, embed_model=encoder, transformations=[splitter]
    )
    index.storage_context.persist(str(target))
    return len(index.docstore.docs), ready


def txtai(folder: Path, model: str, target: Path) -> Ready:
    from transformers import AutoTokenizer
    from txtai import Embeddings

    index = Embeddings(path=model, content=True, gpu=False)
    tokenizer = AutoTokenizer.from_pretrained(model)
    # It loads its model when it is first asked for a vector.
    index.batchtransform(["first"])
    ready = times()
    texts = windows(folder, tokenizer)
    index.index((i, text, None) for i, text in enumerate(texts))
    index.save(str(target / "index"))
    return len(texts), ready


def graft(folder: Path, model: str, target: Path) -> Ready:
    from graft import Workspace
    from graft.core.context import Context, Event

    ready: list[tuple[float, float]] = []

    def listen(event: Event) -> None:
        # Whatever is loaded is loaded before the first document is read.
        if event.phase == "start" and event.stage == "cut and embed documents":
            ready.append(times())

    settings = {"encoder.model": model, "segment.max_tokens": TOKENS, "segment.tokenizer": model}
    workspace = Workspace(target, settings, context=Context(events=listen))
    return workspace.ingest(folder).passages, ready[0]


WAYS = {"plain": plain, "graft": graft, "llamaindex": llamaindex, "txtai": txtai}
PACKAGES = {
    "plain": ("torch", "transformers", "sentence-transformers", "numpy"),
    "graft": ("graft-rag", "openvino", "torch", "transformers", "lancedb"),
    "llamaindex": ("llama-index-core", "torch", "transformers", "sentence-transformers"),
    "txtai": ("txtai", "torch", "transformers", "faiss-cpu"),
}


def one(name: str, folder: Path, model: str) -> None:
    """Index in this process and print what it took, as JSON."""
    began = times()
    with tempfile.TemporaryDirectory() as made:
        passages, ready = WAYS[name](folder, model, Path(made))
        done = times()
    told = {
        "passages": passages,
        "index": [done[i] - ready[i] for i in (0, 1)],
        "all": [done[0] - began[0], done[1]],
        "versions": {package: version(package) for package in PACKAGES[name]},
    }
    print("TOLD " + json.dumps(told))


def run(python: str, name: str, folder: Path, model: str, threads: int) -> dict[str, Any]:
    most = {"OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    quiet = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    # Without these two, where a machine sets them, numpy chooses what fits the processor.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    command = [python, __file__, str(folder), "--only", name, "--model", model]
    done = subprocess.run(
        command, env={**kept, **most, **quiet}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.rpartition("TOLD ")[2])
    return told


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    kinds = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if f in flags]
    return f"{names[0] if names else platform.processor()} ({' '.join(kinds)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--llamaindex", metavar="PYTHON", default="")
    parser.add_argument("--txtai", metavar="PYTHON", default="")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--model", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        one(given.only, given.folder, given.model)
        return
    from graft.models.starter import starter_encoder

    model = str(starter_encoder())
    pythons = {"plain": sys.executable, "graft": sys.executable}
    pythons |= {name: p for name in ("llamaindex", "txtai") if (p := getattr(given, name))}
    size = sum(len(f.read_text(encoding="utf-8")) for f in sorted(given.folder.rglob("*.md")))
    print(f"{processor()}, {os.cpu_count()} cores; {size:,} characters")
    with tempfile.TemporaryDirectory() as tiny:
        (Path(tiny) / "a.md").write_text("# One\n\nOne page.\n")
        first = run(sys.executable, "graft", Path(tiny), model, max(given.threads))
    print(f"one page, before the turns: {first['all'][0]:.1f} s, {first['all'][1]:.1f} processor")
    for threads in given.threads:
        compare(given, pythons, model, size, threads)


def compare(
    given: argparse.Namespace, pythons: dict[str, str], model: str, size: int, threads: int
) -> None:
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in pythons}
    for _ in range(given.turns):
        for name, python in pythons.items():
            told[name].append(run(python, name, given.folder, model, threads))
            wall, spent = told[name][-1]["all"]
            print(f"{name}: {wall:.0f} s, {spent:.0f} processor", file=sys.stderr, flush=True)
    print(f"\nthreads: {threads}; characters/s by wall time, by processor time, times plain")
    base = rates(told["plain"], size)
    for name, runs in told.items():
        print(f"{name:12s} {runs[-1]['passages']:6d} passages", end="")
        for key, value in rates(runs, size).items():
            print(f"  {key} {value:8,.0f} {value / base[key]:5.2f}x", end="")
        print(flush=True)
    if threads == given.threads[-1]:
        for name, runs in told.items():
            print(f"{name}: " + ", ".join(f"{k} {v}" for k, v in runs[-1]["versions"].items()))


def rates(runs: list[dict[str, Any]], size: int) -> dict[str, float]:
    """Return characters a second of the median run, each way of counting."""
    return {
        f"{part} {kind}": size / statistics.median(run[part][i] for run in runs)
        for part in ("all", "index")
        for i, kind in enumerate(("wall", "cpu"))
    }


if __name__ == "__main__":
    main()
