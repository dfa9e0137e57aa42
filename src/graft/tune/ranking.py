"""Tuning what ranks: a copy of an encoder or of a cross-encoder, by an adapter or in full."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

import torch
from sentence_transformers import CrossEncoder

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.recipe import Recipe
from graft.models.adapter import Attached, adapter_of, train_only
from graft.models.encoder import SentenceEncoder
from graft.models.loading import quiet
from graft.models.probe import probe_score, probe_vector
from graft.models.reranker import CrossEncoderReranker
from graft.tune.blend import SHARES
from graft.tune.checkpoint import Checkpoint
from graft.tune.trained import Trained
from graft.tune.trainer import ByObjective, Trainee, sessions_of, train


def tune_retriever(
    encoder: SentenceEncoder, items: ByObjective, dev: ByObjective, *, recipe: Recipe, ctx: Context,
    checkpoint: Checkpoint | None = None,
) -> Trained:  # fmt: skip
    """Train a copy of an encoder and return it; `encoder` stays as it is.

    `items` and `dev` are those of each of the recipe's objectives, by its name.
    An adapter is merged in the end, so that what is saved is a plain sentence-transformers folder,
    with the encoder's prefixes as its prompts. The weights kept are the mixture of base and best
    look that dev likes best, the base itself included. Raises InputError for data or a recipe that
    cannot be trained on, and what `train` raises.
    """
    with encoder_trainee(encoder, recipe) as trainee:
        return _train(trainee, items, dev, recipe=recipe, ctx=ctx, checkpoint=checkpoint)


def tune_reranker(
    start: CrossEncoder, items: ByObjective, dev: ByObjective, *, recipe: Recipe, ctx: Context,
    checkpoint: Checkpoint | None = None,
) -> Trained:  # fmt: skip
    """Train a copy of a cross-encoder and return it; `start` stays as it is.

    `items` and `dev` are those of each of the recipe's objectives, by its name.
    The best look's weights are kept, those it started from included. `before` is the first
    stage's own order: without a gain over that, no reranker is the better choice. Raises
    InputError for data or a recipe that cannot be trained on, and what `train` raises.
    """
    with reranker_trainee(start, recipe) as trainee:
        return _train(trainee, items, dev, recipe=recipe, ctx=ctx, checkpoint=checkpoint)


@contextmanager
def encoder_trainee(encoder: SentenceEncoder, recipe: Recipe) -> Iterator[Trainee]:
    """Yield a copy of an encoder with the recipe's adapter on it."""
    with _copied(encoder.module, recipe) as (module, attached):
        # A lock of its own: who searches with the base meanwhile need not wait.
        own = replace(encoder, module=module, lock=RLock())

        def keep() -> Callable[[Path], None]:
            _plain(module, encoder.module.max_seq_length)
            prompts = {"query": encoder.query_prefix, "document": encoder.passage_prefix}
            module.prompts |= prompts
            return partial(_save, module)

        yield Trainee(
            model=own,
            module=module,
            attached=attached,
            device=module.device,
            keep=keep,
            probe=lambda: probe_vector(encoder, own),
            shares=SHARES,
            base=encoder.module.state_dict(),
        )


@contextmanager
def reranker_trainee(start: CrossEncoder, recipe: Recipe) -> Iterator[Trainee]:
    """Yield a copy of a cross-encoder to be trained in full: its head may be a fresh one."""
    if not (adapter := adapter_of(recipe.adapter)).whole:
        raise InputError(
            f"the recipe has the adapter {adapter.name!r}, and a reranker is trained in "
            "full: set its adapter to full"
        )
    with _copied(start, recipe) as (module, attached):

        def keep() -> Callable[[Path], None]:
            attached.merge()
            _plain(module, start.max_seq_length)
            return partial(_save, module)

        yield Trainee(
            model=module,
            module=module,
            attached=attached,
            device=module.device,
            keep=keep,
            probe=lambda: probe_score(
                CrossEncoderReranker(start, ""), CrossEncoderReranker(module, "")
            ),
        )


@contextmanager
def _copied(module: Any, recipe: Recipe) -> Iterator[tuple[Any, Attached]]:
    devices = [module.device] if module.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(recipe.seed)
        made = copy.deepcopy(module)
        longest = made.max_seq_length or recipe.schedule.max_tokens
        made.max_seq_length = min(longest, recipe.schedule.max_tokens)
        attached = adapter_of(recipe.adapter).attach(made, recipe.seed)
        train_only(made, attached)
        made.train()
        yield made, attached


def _train(
    trainee: Trainee, items: ByObjective, dev: ByObjective, *, recipe: Recipe, ctx: Context,
    checkpoint: Checkpoint | None,
) -> Trained:  # fmt: skip
    sessions = sessions_of(trainee.model, items, dev, recipe)
    return train(trainee, sessions, recipe, ctx=ctx, checkpoint=checkpoint)


def _plain(module: Any, max_tokens: int | None) -> None:
    module.max_seq_length = max_tokens
    module.requires_grad_(False)
    module.eval()


def _save(module: Any, folder: Path) -> None:
    with quiet():
        module.save_pretrained(str(folder), create_model_card=False)
