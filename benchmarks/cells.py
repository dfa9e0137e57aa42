"""Seconds that questions take in four cells of an evaluation, by a model that was not tuned.

    python benchmarks/cells.py BEIR-FOLDER [--questions 100] [--set KEY=VALUE ...]

The cells are base (no passages), rag, rag+few-shot and base/gold; the questions are of the train
split. The digest tells whether two runs (other sources by PYTHONPATH, other settings) gave the same
answers. Numbers from different runs compare only where they took turns on one quiet machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from graft.api import Workspace
from graft.core.hashing import value_hash
from graft.evaluate.cells import cells_of
from graft.examples.formats import import_examples
from graft.examples.gold import pin
from graft.loop.releases import settings_of
from graft.loop.scoring import Bench, cell_systems, worked_examples
from graft.wire import reading


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    said = dict(text.split("=", 1) for text in given.set)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder, said)
        workspace.ingest(given.folder)
        wiring = workspace.wiring
        settings, release = settings_of(wiring, None)
        held = reading(wiring, settings)
        found = import_examples(given.folder, split="train", limit=given.questions + 50, seed=0)
        examples = list(pin(found, held.document).examples)
        bench = Bench(wiring, settings, held, workspace.context, release)
        worked = worked_examples(bench, examples[given.questions :])
        asked = examples[: given.questions]
        named = [c for c in cells_of(["rag+ft"], few_shot=True) if "ft" not in c.generator]
        print(f"{len(asked)} questions, {torch.get_num_threads()} threads", flush=True)
        total, texts = 0.0, []
        for system in cell_systems(bench, named, {}, worked):
            system.ask(asked[:1])
            started = time.perf_counter()
            cases = system.ask(asked)
            seconds = time.perf_counter() - started
            total += seconds
            texts += [case.answer.text for case in cases if case.answer]
            print(f"{system.name:14} {seconds:7.1f} s", flush=True)
        print(f"{'all':14} {total:7.1f} s   answers {value_hash(texts)[:12]}")


if __name__ == "__main__":
    main()
