"""Retriever: an encoder tuned so that questions lie near the passages that answer them."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import RLock

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.nn import Parameter

from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.recipe import Lora, Recipe
from graft.models.encoder import SentenceEncoder
from graft.models.loading import quiet
from graft.tune.batches import batches
from graft.tune.blend import blend
from graft.tune.contrast import PIECE_TOKENS, Rows, contrast
from graft.tune.cost import Estimate, peak_memory, probe
from graft.tune.cost import Work as Piece
from graft.tune.fit import Look, Work, fit
from graft.tune.memory import peak_of
from graft.tune.mine import Triple
from graft.tune.pool import MEASURES, Pool, score_table
from graft.tune.tuned import Tuned

STAGE = "tune retriever"
LOOK_SHARE = 0.25
"""What a token costs in a look at dev, of what it costs in a step: one forward pass, not two
and a backward."""


def tune_retriever(
    encoder: SentenceEncoder,
    triples: Sequence[Triple],
    pool: Pool,
    *,
    recipe: Recipe,
    ctx: Context,
) -> Tuned:
    """Train a copy of an encoder on triples and return it; `encoder` stays as it is.

    Contrastive (multiple negatives ranking), each question against its positive, the mined
    negatives and all passages of its batch; full or by LoRA, which is merged in the end, so that
    what is saved is a plain sentence-transformers folder, with the encoder's prefixes as its
    prompts. What it will cost is told as a note first. It stops early by nDCG@10 on the pool; the
    weights kept are the mixture of base and best look that dev likes best, the base itself
    included. The same triples, recipe and machine give the same weights. Raises InputError for
    data or a recipe that cannot be trained on, ModelError when the loss is no number, Cancelled at
    a step's boundary.
    """
    _check(triples, recipe)
    base = encoder.module
    with torch.random.fork_rng(), peak_memory(interval=0.1) as memory:
        torch.manual_seed(recipe.seed)
        trainee = _Trainee.of(encoder, recipe)
        rng = random.Random(f"{recipe.seed}:{STAGE}")
        first = batches(triples, recipe.schedule.batch_size, rng)
        if not first:
            raise InputError(
                "every training question has the same gold, so none can be told from another: "
                "import questions on other documents"
            )
        estimate = _estimate(trainee, triples, pool, len(first), ctx)
        ctx.note(STAGE, estimate.sentence(), seconds=estimate.seconds, bytes=estimate.bytes)
        started = ctx.clock()
        epochs = iter([first])
        work = Work(
            parameters=trainee.parameters,
            epoch=lambda: next(epochs, None) or batches(triples, recipe.schedule.batch_size, rng),
            step=lambda batch: trainee.step([triples[i] for i in batch]),
            look=partial(trainee.look, pool),
            measure=MEASURES[0],
        )
        fitted = fit(work, recipe.schedule, ctx, name=STAGE)
        trainee.put(fitted.weights)
        trainee.merge()
        mixed = blend(
            trainee.module,
            base.state_dict(),
            partial(trainee.look, pool),
            {0.0: fitted.before, 1.0: fitted.best},
            measure=MEASURES[0],
        )
    trainee.module.max_seq_length = base.max_seq_length
    trainee.module.prompts |= {"query": encoder.query_prefix, "document": encoder.passage_prefix}
    trainee.module.eval()
    ctx.note(STAGE, _verdict(fitted.before, mixed.look, mixed.share), share=mixed.share)
    return Tuned(
        save=partial(_save, trainee.module),
        before={name: fitted.before[name] for name in MEASURES},
        after={name: mixed.look[name] for name in MEASURES},
        share=mixed.share,
        looks={share: look[MEASURES[0]] for share, look in mixed.tried.items()},
        curves=tuple(fitted.curves),
        counts={
            "train": len(triples),
            "dev": len(pool.questions),
            "dev passages": len(pool.passages),
            "steps": fitted.steps,
            "best step": fitted.best_step,
        },
        estimate=estimate,
        seconds=ctx.clock() - started,
        peak_memory={"host": memory.bytes, "device": peak_of(base.device)},
        machine={"device": str(base.device), "threads": str(torch.get_num_threads())},
    )


@dataclass(frozen=True)
class _Trainee:
    """The copy under training, the parameters that may move, and how it reads texts."""

    encoder: SentenceEncoder
    module: SentenceTransformer
    parameters: Sequence[Parameter]
    adapted: PeftModel | None
    recipe: Recipe

    @classmethod
    def of(cls, encoder: SentenceEncoder, recipe: Recipe) -> _Trainee:
        module = copy.deepcopy(encoder.module)
        longest = module.max_seq_length or recipe.schedule.max_tokens
        module.max_seq_length = min(longest, recipe.schedule.max_tokens)
        adapted = None
        if recipe.adapter is None:
            module.requires_grad_(True)
        else:
            body = module.transformers_model
            if body is None:
                raise InputError(
                    f"{encoder.name} holds no transformer to put LoRA on: tune it in full"
                )
            adapted = get_peft_model(body, _config(recipe.adapter))
        module.train()
        parameters = [p for p in module.parameters() if p.requires_grad]
        return cls(encoder, module, parameters, adapted, recipe)

    def rows(self, triples: Sequence[Triple]) -> Rows:
        """Return the texts as the encoder reads them."""
        return Rows(
            tuple(t.question for t in triples),
            tuple(t.positive.indexed_text for t in triples),
            tuple(p.indexed_text for t in triples for p in t.negatives),
            self.encoder.query_prefix,
            self.encoder.passage_prefix,
        )

    def step(self, triples: Sequence[Triple]) -> tuple[float, int]:
        """Add a batch's gradients; return its loss and its tokens."""
        rows = self.rows(triples)
        loss = contrast(self.module, rows, self.recipe.scale)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), sum(rows.token_counts(self.module))

    def look(self, pool: Pool) -> Look:
        """Return the measures and the loss on dev, encoded as serving does, dropout off."""
        # A lock of its own: who searches with the base meanwhile need not wait.
        serving = replace(self.encoder, module=self.module, lock=RLock())
        try:
            questions = serving.encode_queries(list(pool.questions.values()))
            passages = serving.encode_passages([p.indexed_text for p in pool.passages.values()])
            return score_table(pool, questions @ passages.T, self.recipe.scale)
        finally:
            self.module.train()

    @torch.no_grad()
    def put(self, values: Sequence[Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)

    def merge(self) -> None:
        """Add LoRA's product to the weights, so that the module has its plain form again."""
        if self.adapted is not None:
            self.adapted.merge_and_unload()


def _config(lora: Lora) -> LoraConfig:
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear" if lora.targets == ("all-linear",) else list(lora.targets),
    )


def _check(triples: Sequence[Triple], recipe: Recipe) -> None:
    if (recipe.part, recipe.objective) != ("retriever", "contrastive"):
        raise InputError(
            "a retriever is tuned by the objective 'contrastive', and the recipe is for a "
            f"{recipe.part} by '{recipe.objective}'"
        )
    if recipe.schedule.accumulation != 1:
        raise InputError(
            f"accumulation is {recipe.schedule.accumulation}, and a contrastive batch cannot be "
            "split, since its passages are each other's negatives: set 1 (memory stays small)"
        )
    if len(triples) < 2:
        raise InputError(
            f"tuning a retriever needs two questions with gold or more, and got {len(triples)}: "
            "import or build more examples"
        )


def _estimate(
    trainee: _Trainee, triples: Sequence[Triple], pool: Pool, epoch: int, ctx: Context
) -> Estimate:
    """Time batches of a few triples, and scale by tokens; looks at dev are added by their share."""

    def run(rows: Rows) -> None:
        # Two pieces at least, since a batch of one is embedded once and real ones twice.
        contrast(trainee.module, rows, 1.0, piece_tokens=PIECE_TOKENS // 2).backward()  # type: ignore[no-untyped-call]
        for parameter in trainee.parameters:
            parameter.grad = None

    tokens = [sum(trainee.rows([triple]).token_counts(trainee.module)) for triple in triples]
    order = sorted(range(len(triples)), key=lambda i: -tokens[i])
    few = max(PIECE_TOKENS // max(tokens[order[0]], 1), 2)
    pieces: list[Piece] = []
    for chosen in (order[:few], order[len(order) // 2 :][:few]):
        rows = trainee.rows([triples[i] for i in chosen])
        pieces.append((sum(tokens[i] for i in chosen), partial(run, rows)))
    schedule = trainee.recipe.schedule
    steps = max(round(schedule.epochs * epoch), 1)
    read = round(sum(tokens) * steps / epoch)
    size = sum(parameter.numel() for parameter in trainee.parameters)
    told = probe(ctx, pieces, tokens=read, steps=steps, trainable_parameters=size)
    looks = 4 + schedule.evaluations * schedule.epochs
    shown = [p.indexed_text for p in pool.passages.values()]
    pool_tokens = sum(Rows((), tuple(shown)).token_counts(trainee.module))
    return replace(
        told,
        seconds=told.seconds * (1 + LOOK_SHARE * looks * pool_tokens / max(read, 1)),
        # AdamW's two moments, the gradients and the best weights, float32 each, and the mixture.
        bytes=told.bytes + 20 * size,
    )


def _verdict(before: Look, after: Look, share: float) -> str:
    name = MEASURES[0]
    if share == 0:
        return f"no gain on dev ({name} {before[name]:.3f}): the weights stay those of the base"
    return f"{name} on dev {before[name]:.3f} before, {after[name]:.3f} after"


def _save(module: SentenceTransformer, folder: Path) -> None:
    with quiet():
        module.save_pretrained(str(folder), create_model_card=False)
