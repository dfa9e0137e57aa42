"""From a question to an answer: the line of stages, and what writes of what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graft.core.config import (
    Settings,
)
from graft.core.protocols import Encoder, Generator, PassageStore, Reranker
from graft.generate.prompts import Template
from graft.retrieve.line import build, weights
from graft.wire.ranking import encoder, reranker, weights_path
from graft.wire.workspace import Wiring, line_of, segmentation
from graft.wire.writing import decoding, generator, prompt_of

if TYPE_CHECKING:
    from graft.answer.answerer import Answerer
    from graft.library.store import Library
    from graft.retrieve.stage import Stage


def pipeline(w: Wiring, settings: Settings, held: Library, *, limit: int = 0) -> Stage:
    """Return the whole retrieval of these settings: their line, cut, and the texts of its hits.

    `limit` is how many hits come out; 0 is the settings' `answer.passages`.
    """
    from graft.retrieve.stages.fetch import Fetch

    parts = _Parts(w, settings, held.using(segmentation(settings.segment).id))
    line = build(line_of(settings), parts)
    return line % (limit or settings.answer.passages) >> Fetch(parts.store)


def fusion_weights(w: Wiring, settings: Settings, held: Library) -> dict[str, float]:
    """Return what each leg counts in the fusion of these settings: as set, or as a run fitted it.

    Retrieval that fuses nothing has none.
    """
    return weights(line_of(settings), _Parts(w, settings, held))


@dataclass(frozen=True)
class _Parts:
    """What stages are built from: a `retrieve.kind.Parts` of a workspace."""

    w: Wiring
    settings: Settings
    store: PassageStore

    @property
    def encoder(self) -> Encoder:
        return encoder(self.w, self.settings.encoder)

    @property
    def generator(self) -> Generator:
        return generator(self.w, self.settings.generate)

    @property
    def depth(self) -> int:
        return self.settings.retrieve.depth

    def reranker(self, name: str) -> Reranker:
        return reranker(self.w, name, self.settings.encoder.dtype)

    def folder(self, name: str) -> Path:
        return Path(weights_path(self.w, name, "fusion"))


def answerer(
    w: Wiring, settings: Settings, held: Library, *, release: str = "",
    prompts: Mapping[str, Mapping[str, str]] | None = None,
) -> Answerer:  # fmt: skip
    """Return the one path from a question to an answer; a release's own prompts win."""
    from graft.answer.answerer import Answerer, considered

    name = settings.answer.prompt
    own = (prompts or {}).get(name)
    return Answerer(
        retrieve=pipeline(w, settings, held, limit=considered(settings.answer.passages)),
        generator=generator(w, settings.generate),
        store=held.using(segmentation(settings.segment).id),
        template=Template(**own) if own else prompt_of(w, name),
        passages=settings.answer.passages,
        # An answer is always written; whether it is shown is decided by what is known of it.
        decoding=replace(decoding(settings.generate), min_new_tokens=1),
        decline_threshold=settings.answer.decline_threshold,
        sureness=settings.answer.sureness,
        release=release,
    )
