"""Training speed of the generator's LoRA, beside a plain loop and (where installed) TRL.

    python benchmarks/tune_generator.py [--beir FOLDER] [--model starter] [--examples 16]
        [--batch 4] [--parts 512 1024 2048] [--threads N] [--trl]

All train on the same examples in one run: numbers from different runs or machines do not compare.
A prompt shows the passage of the answer and two others. Without --beir the passages are those of
Python's own language reference. "plain" is what most scripts do: shuffled batches, padded, with a
mask and all logits, through PEFT's layers, in the same number format as ours. Seconds are wall
time; processor seconds say what it took where others use the machine too.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from pydoc_data.topics import topics

import torch
from peft import LoraConfig, get_peft_model

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.recipe import Recipe
from graft.generate.prompts import template
from graft.models.causal import Causal, load_causal
from graft.tune.accumulate import Chunk, accumulate
from graft.tune.cost import peak_memory
from graft.tune.generator import generator_trainee
from graft.tune.items import items_raft
from graft.tune.plan import cut, plan_epoch
from graft.tune.sft import Encoded, TrainItem, encode_items, padded, token_losses

WORDS = 160
"""Passages are cut here."""


def from_beir(folder: Path, count: int) -> tuple[list[Example], dict[str, Passage], dict[str, str]]:
    """Return examples of the train split, all passages by id, and each example's gold."""
    texts = {}
    for line in (folder / "corpus.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        text = " ".join(row["text"].split()[:WORDS])
        texts[row["_id"]] = Passage(row["_id"], row["_id"], 0, len(text), text, "s", row["title"])
    asked = {
        row["_id"]: row["text"]
        for row in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8"))
    }
    known = {
        row["_id"]: tuple(row["answers"])
        for row in map(json.loads, (folder / "answers.jsonl").open(encoding="utf-8"))
    }
    lines = (folder / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    gold = {query: document for query, document, _ in (line.split("\t") for line in lines)}
    ids = random.Random(0).sample(sorted(gold.keys() & known.keys()), count)
    return [Example(id, asked[id], known[id]) for id in ids], texts, gold


def from_python(count: int) -> tuple[list[Example], dict[str, Passage], dict[str, str]]:
    """Return a question on each of Python's help topics, whose answer is its first sentence."""
    texts, examples = {}, []
    for name, text in sorted(topics.items()):
        words = re.sub(r"\W+", " ", text).split()
        if len(words) > WORDS:
            shown = " ".join(words[:WORDS])
            texts[name] = Passage(name, name, 0, len(shown), shown, "s", name)
            examples.append(Example(name, f"What is said about {name}?", (" ".join(words[5:15]),)))
    chosen = random.Random(0).sample(examples, min(count, len(examples)))
    return chosen, texts, {example.id: example.id for example in chosen}


def items(
    causal: Causal, examples: list[Example], texts: dict[str, Passage], gold: dict[str, str]
) -> list[TrainItem]:
    """Return RAFT items: the gold passage and two others."""
    rng = random.Random(1)
    others = {e.id: rng.sample(sorted(texts.keys() - {gold[e.id]}), 2) for e in examples}
    made = items_raft(
        examples,
        {e.id: [texts[gold[e.id]]] for e in examples},
        {id: [texts[name] for name in names] for id, names in others.items()},
        template=template("grounded"),
        recipe=Recipe("generator", "raft", causal.name),
        count_tokens=lambda prompt: len(causal.ids(prompt)),
    )
    return list(made.items)


RECIPE = Recipe("generator", "raft", "starter")


def report(name: str, tokens: int, work: Callable[[], object]) -> float:
    """Print and return the tokens a second of one pass."""
    with peak_memory(interval=0.05) as peak:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    speed = tokens / wall
    print(
        f"{name:<28} {speed:7.0f} tokens/s {tokens / cpu:7.0f} tokens/processor-s "
        f"{wall:7.1f} s {peak.bytes / (1 << 30):5.1f} GiB",
        flush=True,
    )
    return speed


def ours(causal: Causal, examples: list[Encoded], batch: int, tokens: int) -> None:
    """One epoch as `tune_generator` trains, without its looks at dev."""
    lengths = [len(example.ids) for example in examples]
    with generator_trainee(causal, RECIPE) as trainee:
        optimizer = torch.optim.AdamW(trainee.attached.parameters.values(), lr=3e-4)

        def loss(indices: list[int]) -> torch.Tensor:
            made = padded([examples[i] for i in indices], causal.pad_id)
            return token_losses(causal.model, made.to(causal.device)).sum()

        for step in plan_epoch(lengths, batch, random.Random(0)):
            parts = [
                Chunk(
                    indices,
                    sum(len(examples[i].labels) for i in indices),
                    sum(lengths[i] for i in indices),
                )
                for indices in cut(step, lengths, tokens)
            ]
            accumulate(parts, loss, Context())
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)


def plain(causal: Causal, examples: list[Encoded], batch: int) -> None:
    """One epoch of the loop that most scripts are."""
    torch.manual_seed(0)
    causal.model = get_peft_model(
        causal.model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear")
    )
    causal.model.train()
    optimizer = torch.optim.AdamW([p for p in causal.model.parameters() if p.requires_grad], 3e-4)
    order = random.Random(0).sample(examples, len(examples))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        rows = padded(chosen, causal.pad_id).ids
        mask, labels = torch.zeros_like(rows), torch.full_like(rows, -100)
        for row, example in enumerate(chosen):
            mask[row, : len(example.ids)] = 1
            labels[row, example.prompt_tokens : len(example.ids)] = torch.tensor(example.labels)
        causal.model(input_ids=rows, attention_mask=mask, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    causal.model = causal.model.unload()


def trl(causal: Causal, data: list[TrainItem], batch: int) -> None:
    """One epoch of TRL's SFTTrainer as it is fastest here: rows of like length, nothing twice.

    Its own loss computes the logits of answers alone. At its defaults it would compute every
    activation twice (gradient checkpointing). The number format is that of the model.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = [
        {"prompt": item.prompt, "completion": [{"role": "assistant", "content": item.answer or ""}]}
        for item in data
    ]
    config = SFTConfig(
        output_dir="/dev/null",
        per_device_train_batch_size=batch,
        num_train_epochs=1,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        bf16=causal.dtype == torch.bfloat16,
        gradient_checkpointing=False,
        train_sampling_strategy="group_by_length",
    )
    SFTTrainer(
        causal.model,
        config,
        train_dataset=Dataset.from_list(rows),
        processing_class=causal.tokenizer,
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"),
    ).train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beir", type=Path)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--examples", type=int, default=16)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--parts", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--trl", action="store_true")
    arguments = parser.parse_args()

    if arguments.threads:
        torch.set_num_threads(arguments.threads)

    causal = load_causal(arguments.model, dtype=arguments.dtype)
    found = (
        from_beir(arguments.beir, arguments.examples)
        if arguments.beir
        else from_python(arguments.examples)
    )
    data = items(causal, *found)
    examples, _ = encode_items(causal, data, 1024)
    tokens = sum(len(example.ids) for example in examples)
    with generator_trainee(causal, RECIPE):
        dtype = causal.dtype
    print(
        f"{len(examples)} examples, {tokens} tokens, batches of {arguments.batch}, "
        f"{torch.get_num_threads()} threads; loaded in {causal.dtype}, trained in {dtype}"
    )
    ours(causal, examples[:2], 1, 1024)
    speeds = {}
    for size in arguments.parts:
        speeds[size] = report(
            f"ours, padded, parts of {size}",
            tokens,
            lambda size=size: ours(causal, examples, arguments.batch, size),
        )
    wide = load_causal(arguments.model, dtype=str(dtype).removeprefix("torch."))
    slow = report("plain", tokens, lambda: plain(wide, examples, arguments.batch))
    best = max(speeds.values())
    print(f"ours over plain: {best / slow:.2f}")
    if arguments.trl:
        other = load_causal(arguments.model, dtype=str(dtype).removeprefix("torch."))
        speed = report("TRL's SFTTrainer", tokens, lambda: trl(other, data, arguments.batch))
        print(f"ours over TRL: {best / speed:.2f}")


if __name__ == "__main__":
    main()
