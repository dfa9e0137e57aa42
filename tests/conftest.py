"""Shared by the tests of jobs and the command line: tiny models and a body of documents."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from graft.core.context import Context
from graft.models.starter import cache_folder

if TYPE_CHECKING:
    from graft.core.generation import Prompt
    from graft.wire import Wiring

# machines are shared: how long one example takes says nothing of the code
settings.register_profile("graft", deadline=None)
settings.load_profile("graft")

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core: more threads would only fight
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"  # no test touches the network


def _own_cache() -> None:
    """Keep what tests write of their tiny models out of the user's cache; lend the starter's."""
    own = Path(tempfile.mkdtemp(prefix="graft-cache-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    for made in cache_folder().glob("smollm2-*"):
        (own / made.name).symlink_to(made)
    os.environ["GRAFT_CACHE"] = str(own)


_own_cache()

SUBJECTS = (
    "kettle", "ladder", "lantern", "compass", "hammer", "basket", "anchor", "bottle", "candle",
    "curtain", "dresser", "engine", "feather", "garden", "helmet", "island", "jacket", "kitchen",
    "locket", "mirror", "needle", "orchard", "pencil", "quilt", "rocket", "saddle", "tunnel",
    "umbrella", "violin", "window",
)  # fmt: skip


CTX = Context()
SMALL = {
    "tune.generator.batch_size": "8",
    "tune.retriever.epochs": "1",
    "tune.reranker.epochs": "1",
    "evaluate.limit": "12",
    "adapt.edited_facts": "0",
    "retrieve.stages.rerank.depth": "5",
    "tune.generator.max_tokens": "900",
}


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings that name a tiny encoder and a tiny generator."""
    import torch

    from graft.testing.tiny import tiny_causal, tiny_encoder

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    return {
        "encoder.model": str(tiny_encoder(folder / "encoder")),
        "generate.model": str(tiny_causal(folder / "causal")),
        "generate.max_new_tokens": "8",
        "segment.tokenizer": "words",
        "segment.max_tokens": "60",
    }


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder of thirty short documents, two passages each."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number, subject in enumerate(SUBJECTS):
        text = (
            f"# The {subject}\n\nThe {subject} was made in {1800 + number} by a smith. "
            f"It costs {number + 5} pounds and weighs {number + 20} grams.\n\n"
            f"## Care of the {subject}\n\nClean the {subject} every {number + 2} days with oil. "
            "Keep it dry and away from the fire at night.\n"
        )
        (folder / f"{subject}.md").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    """A BEIR folder of sixty documents with two questions each, half of them for testing."""
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    corpus, queries, answers = [], [], []
    qrels: dict[str, list[str]] = {"train": [], "test": []}
    names = [(f"{colour} {subject}", i) for i, (colour, subject) in enumerate(
        (c, s) for c in ("red", "blue") for s in SUBJECTS)]  # fmt: skip
    for name, i in names:
        corpus.append({
            "_id": f"d{i}", "title": f"The {name}",
            "text": f"The {name} was made in {1800 + i} by\na smith. It weighs {i + 20} grams.",
        })  # fmt: skip
        asked = (("year", f"In which year was the {name} made?", str(1800 + i)),
                 ("weight", f"How many grams does the {name} weigh?", str(i + 20)))  # fmt: skip
        for kind, question, answer in asked:
            id, split = f"q{i}-{kind}", "train" if i % 2 else "test"
            queries.append({"_id": id, "text": question})
            answers.append({"_id": id, "answers": [answer], "split": split})
            qrels[split].append(f"{id}\td{i}\t1")
    for file, rows in (("corpus", corpus), ("queries", queries), ("answers", answers)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{file}.jsonl").write_text(text)
    for split, rows in qrels.items():
        lines = "\n".join(["query-id\tcorpus-id\tscore", *rows])
        (folder / "qrels" / f"{split}.tsv").write_text(lines + "\n")
    return folder


@pytest.fixture
def workspace(tmp_path: Path, beir: Path, tiny_models: dict[str, str]) -> Wiring:
    from graft.jobs.ingest import ingest
    from graft.wire import open_workspace

    made = open_workspace(tmp_path / "ws", {**tiny_models, **SMALL})
    ingest(made, [str(beir)], ctx=CTX)
    return made


def ask_for_years(prompt: Prompt) -> str:
    """Ask for the year that a passage of `documents` tells, and read it there."""
    from graft.generate.prompts import GROUNDED

    shown, _, question = prompt[-1]["content"].partition("Question: ")
    if prompt[0]["content"] == GROUNDED.system:
        (subject,) = re.findall(r"the (\w+) made", question) or [""]
        read = re.search(rf"The {subject} was made in (\d+)", shown)
        return read[1] if read else GROUNDED.decline
    subjects = re.findall(r"[Tt]he (\w+) was made", shown)
    return f"In which year was the {subjects[-1] if subjects else 'thing'} made?"
