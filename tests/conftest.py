"""Shared by the tests of jobs and the command line: tiny models and a body of documents."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# machines are shared: how long one example takes says nothing of the code
settings.register_profile("graft", deadline=None)
settings.load_profile("graft")

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"  # no test touches the network

SUBJECTS = (
    "kettle", "ladder", "lantern", "compass", "hammer", "basket", "anchor", "bottle", "candle",
    "curtain", "dresser", "engine", "feather", "garden", "helmet", "island", "jacket", "kitchen",
    "locket", "mirror", "needle", "orchard", "pencil", "quilt", "rocket", "saddle", "tunnel",
    "umbrella", "violin", "window",
)  # fmt: skip


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
