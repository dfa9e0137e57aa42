"""Reading and writing speed of a local generator, beside what transformers has for it.

    python benchmarks/generate.py [--model starter] [--dtype auto] [--adapter FOLDER] [--threads N]
        [--batching]
    OMP_NUM_THREADS=N python benchmarks/generate.py --engines [--tokens 64]
    OMP_NUM_THREADS=N python benchmarks/generate.py --answers FOLDER [--limit 300]

Beside ours: its `generate`, and with --batching its continuous batching (pages of keys and values,
rows join and leave). --engines measures one answer as it comes, by torch and by OpenVINO in float32
and in int8, beside transformers' `generate`. --answers writes answers to the training questions of
a BEIR folder (three passages by BM25, a document each) by each engine, and compares their F1. One
run measures all on the same prompts: numbers from different runs or machines do not compare.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transformers import GenerationConfig

from graft.core.document import Passage
from graft.core.generation import Decoding, Prompt
from graft.evaluate.compare import Sampling, difference
from graft.generate.local import LocalGenerator
from graft.generate.prompts import GROUNDED, build
from graft.measures.text import token_f1
from graft.models.causal import Causal, load_causal
from graft.models.export_causal import export_causal
from graft.models.fast_causal import FastCausal
from graft.models.ir import Ir

PASSAGE = (
    "Leave is granted in days. Unused leave of up to five days carries over to the next year, and "
    "is lost when it is not taken by the end of March. Whoever joins during the year is granted a "
    "twelfth for each full month. "
)


def prompts(count: int, repeats: int) -> list[Prompt]:
    system = "Answer the question from the passages. Give the answer first, in few words."
    return [
        [
            {"role": "system", "content": system},
            {"role": "user", "content": f"Case {i}. {PASSAGE * repeats}\n\nQuestion: how many?"},
        ]
        for i in range(count)
    ]


def plain(causal: Causal, asked: list[Prompt], tokens: int) -> list[list[int]]:
    """Write with transformers' generate, left-padded."""
    rows = [causal.ids(prompt) for prompt in asked]
    width = max(map(len, rows))
    ids = torch.tensor([[causal.pad_id] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    with torch.inference_mode():
        out = causal.model.generate(
            input_ids=ids.to(causal.device), attention_mask=mask.to(causal.device),
            max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False,
            pad_token_id=causal.pad_id,
        )  # fmt: skip
    return [row[width:].tolist() for row in out]


def continuous(causal: Causal, asked: list[Prompt], tokens: int) -> list[list[int]]:
    """Write with transformers' continuous batching."""
    settings = GenerationConfig(
        max_new_tokens=tokens, do_sample=False, eos_token_id=-1, pad_token_id=causal.pad_id
    )
    rows = [causal.ids(prompt) for prompt in asked]
    made = causal.model.generate_batch(inputs=rows, generation_config=settings)
    return [list(one.generated_tokens) for one in made.values()]


def seconds(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def engines(causal: Causal, folder: Path) -> dict[str, LocalGenerator]:
    """Write a model for OpenVINO in both formats; return each engine by name, torch first."""
    found = {"torch": LocalGenerator(causal)}
    for name, int8 in (("openvino", False), ("openvino int8", True)):
        spent = seconds(lambda to=folder / name, int8=int8: export_causal(causal, to, int8=int8))
        made = FastCausal(Ir(folder / name), causal.name)
        size = sum(path.stat().st_size for path in made.ir.folder.iterdir()) / 2**20
        vars(made)["chat"] = causal.chat
        found[name] = LocalGenerator(made)
        found[name].generate(prompts(1, 1), Decoding(max_new_tokens=2))
        print(f"{name}: written in {spent:.0f} s, {size:.0f} MiB")
    return found


def streamed(generator: LocalGenerator, prompt: Prompt, tokens: int) -> tuple[float, float]:
    """Return the seconds to the first piece of a text, and to its end."""
    started = time.perf_counter()
    pieces = generator.stream(prompt, Decoding(max_new_tokens=tokens))
    next(pieces)
    first = time.perf_counter() - started
    for _ in pieces:
        pass
    return first, time.perf_counter() - started


def compare_engines(causal: Causal, tokens: int, repeats: int, turns: int = 5) -> None:
    """Print what one answer takes by each engine, beside transformers' generate, in turns."""
    prompt = prompts(1, repeats)[0]
    with tempfile.TemporaryDirectory() as folder:
        made = engines(causal, Path(folder))
        theirs, ours = [], {name: [] for name in made}
        for _ in range(turns):
            theirs.append(seconds(lambda: plain(causal, [prompt], tokens)))
            for name, generator in made.items():
                ours[name].append(streamed(generator, prompt, tokens))
    length = made["torch"].count_tokens(prompt)
    print(f"one answer of {tokens} tokens to {length}, medians of {turns} turns")
    print(f"transformers' generate {np.median(theirs):.2f} s")
    for name, spent in ours.items():
        first, whole = np.median(spent, axis=0)
        ratio = np.median([t / w for t, (_, w) in zip(theirs, spent, strict=True)])
        print(f"{name}: first piece {first:.2f} s, in all {whole:.2f} s (ratio {ratio:.2f})")


def asked_of(folder: Path, limit: int) -> Iterator[tuple[Prompt, list[str]]]:
    """Yield prompts of a BEIR folder's training questions, and their answers."""
    import bm25s

    def rows(name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (folder / name).read_text().splitlines()]

    documents = rows("corpus.jsonl")
    texts = {row["_id"]: str(row["text"]) for row in rows("queries.jsonl")}
    answers = [row for row in rows("answers.jsonl") if row["split"] == "train"]
    random.Random(8).shuffle(answers)
    index = bm25s.BM25()

    def cut(each: list[str]) -> object:
        return bm25s.tokenize(each, stopwords="en", show_progress=False)

    index.index(cut([f"{d['title']} {d['text']}" for d in documents]), show_progress=False)
    for row in answers[:limit]:
        found, _ = index.retrieve(cut([texts[row["_id"]]]), k=3, show_progress=False)
        shown = [documents[i] for i in found[0]]
        cuts = [" ".join(str(each["text"]).split()[:160]) for each in shown]
        passages = [
            Passage("", "", 0, len(text), text, "", title=str(each["title"]))
            for each, text in zip(shown, cuts, strict=True)
        ]
        yield build(GROUNDED, texts[row["_id"]], passages), list(row["answers"])  # type: ignore[call-overload]


def compare_answers(causal: Causal, folder: Path, limit: int, tokens: int) -> None:
    """Print each engine's token F1 and the difference from torch's, as answers come in."""
    asked = list(asked_of(folder, limit))
    with tempfile.TemporaryDirectory() as home:
        made = engines(causal, Path(home))
        found: dict[str, list[float]] = {name: [] for name in made}
        texts: dict[str, list[str]] = {name: [] for name in made}
        for start in range(0, len(asked), 30):
            some = asked[start : start + 30]
            for name, generator in made.items():
                told = generator.generate([p for p, _ in some], Decoding(max_new_tokens=tokens))
                texts[name] += [each.text for each in told]
                pairs = zip(told, some, strict=True)
                found[name] += [token_f1(each.text, gold) for each, (_, gold) in pairs]
            done = len(found["torch"])
            print(f"{done} questions, torch {100 * np.mean(found['torch']):.1f}")
            for name in list(made)[1:]:
                a, b = ((each, np.array(found[each])) for each in ("torch", name))
                by = [str(i) for i in range(done)]
                off = difference(a, b, "F1", groups=by, sampling=Sampling())
                same = sum(map(str.__eq__, texts["torch"], texts[name]))
                print(
                    f"  {name}: {100 * np.mean(found[name]):.1f}, by "
                    f"{off.mean:+.3f} [{off.low:+.3f}, {off.high:+.3f}], {same} texts the same",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--adapter", default="")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batching", action="store_true")
    parser.add_argument("--engines", action="store_true")
    parser.add_argument("--answers", type=Path, help="a BEIR folder with answers.jsonl")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=8, help="how often the passage is shown")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    causal = load_causal(given.model, adapter=given.adapter, dtype=given.dtype)
    if given.answers:
        return compare_answers(causal, given.answers, given.limit, given.tokens)
    causal.chat = replace(causal.chat, end_ids=())  # all write all their tokens
    if given.engines:
        return compare_engines(causal, given.tokens, given.repeats)
    local = LocalGenerator(causal)
    decoding = Decoding(max_new_tokens=given.tokens)
    print(f"{causal.dtype}, {torch.get_num_threads()} threads, adapter {causal.adapter or 'none'}")
    for batch in (1, 16):
        asked = prompts(batch, given.repeats)
        length = local.count_tokens(asked[0])
        first = Decoding(max_new_tokens=1)
        local.generate(asked[:1], Decoding(max_new_tokens=2))
        reading = seconds(lambda asked=asked, first=first: local.generate(asked, first))
        ours = seconds(lambda asked=asked: local.generate(asked, decoding))
        theirs = seconds(lambda asked=asked: plain(causal, asked, given.tokens))
        print(
            f"batch {batch:2d}, {length} prompt tokens: "
            f"reads {batch * length / reading:7.0f} tokens/s, "
            f"writes {batch * (given.tokens - 1) / max(ours - reading, 1e-9):6.1f} tokens/s; "
            f"in all {ours:.2f} s, transformers' generate {theirs:.2f} s "
            f"(ratio {theirs / ours:.2f})"
        )
        if given.batching:
            paged = seconds(lambda asked=asked: continuous(causal, asked, given.tokens))
            print(f"    its continuous batching {paged:.2f} s (ratio {paged / ours:.2f})")


if __name__ == "__main__":
    main()
