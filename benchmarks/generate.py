"""Reading and writing speed of a local generator, beside what transformers has for it.

    python benchmarks/generate.py [--model starter] [--dtype auto] [--adapter FOLDER] [--threads N]
        [--batching]

Beside ours: its `generate`, and with --batching its continuous batching (pages of keys and values,
rows join and leave). One run measures all on the same prompts: numbers from different runs or
machines do not compare.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import torch
from transformers import GenerationConfig

from graft.core.generation import Decoding, Prompt
from graft.generate.local import LocalGenerator
from graft.models.causal import Causal, load_causal

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--adapter", default="")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batching", action="store_true")
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=8, help="how often the passage is shown")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    causal = load_causal(given.model, adapter=given.adapter, dtype=given.dtype)
    causal.chat = replace(causal.chat, end_ids=())  # both write all their tokens
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
