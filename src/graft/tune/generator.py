"""Tuning a generator: an adapter on a causal model, by any objective that teaches one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from graft.core.context import Context
from graft.core.recipe import Recipe
from graft.models.adapter import adapter_of
from graft.models.causal import Causal
from graft.models.reply_probe import probe_reply
from graft.tune.checkpoint import Checkpoint
from graft.tune.fast_lora import fast_lora
from graft.tune.memory import in_dtype, training_dtype
from graft.tune.trained import Trained
from graft.tune.trainer import ByObjective, Trainee, sessions_of, train

SHARES = (0.5, 1.0)
"""Shares of the way from the fresh to the trained parameters that are tried on dev: each is a look,
in which answers are written. Half of the way of LoRA's two factors is less than half an update."""


def tune_generator(
    causal: Causal, items: ByObjective, dev: ByObjective, *, recipe: Recipe, ctx: Context,
    checkpoint: Checkpoint | None = None,
) -> Trained:  # fmt: skip
    """Train a fresh adapter and return it; the model is left as it was, to the bit.

    `items` and `dev` are those of each of the recipe's objectives, by its name. Raises InputError
    when there is nothing to learn from or no dev, and what `train` raises.
    """
    with generator_trainee(causal, recipe) as trainee:
        sessions = sessions_of(causal, items, dev, recipe)
        return train(trainee, sessions, recipe, ctx=ctx, checkpoint=checkpoint)


@contextmanager
def generator_trainee(causal: Causal, recipe: Recipe) -> Iterator[Trainee]:
    """Yield a causal model with the recipe's adapter on it, in the format that trains fastest.

    The model is this thread's alone within the block.
    """
    devices = [causal.device] if causal.device.type == "cuda" else []
    with (
        causal.lock,
        torch.random.fork_rng(devices=devices),
        in_dtype(causal.model, training_dtype(causal.model)),
        causal.training(adapter_of(recipe.adapter), recipe.seed) as attached,
        fast_lora(causal.model, list(attached.parameters.values())),
    ):
        # Dropout goes on from here, as the adapter was drawn: by the recipe's seed.
        torch.manual_seed(recipe.seed)

        def keep() -> Any:
            weights = {name: w.detach().cpu().clone() for name, w in attached.weights().items()}
            return partial(_save, attached, weights, recipe.base or causal.name)

        yield Trainee(
            model=causal,
            module=causal.model,
            attached=attached,
            device=causal.device,
            keep=keep,
            probe=partial(probe_reply, causal),
            shares=SHARES,
            # What stands in a cache cannot be computed twice.
            spares=not attached.virtual_tokens,
        )


def _save(attached: Any, weights: Mapping[str, Any], base: str, folder: Path) -> None:
    attached.save(folder, weights, base=base)
