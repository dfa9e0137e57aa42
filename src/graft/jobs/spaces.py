"""Spaces: every space that a release may use holds the vectors of every passage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from graft.core.config import Settings
from graft.core.context import Context, Step
from graft.core.document import Document, Passage
from graft.core.protocols import Encoder
from graft.core.space import Segmentation, Space
from graft.library.segment import segment
from graft.library.writer import Writer
from graft.wire import Wiring, encoder, library, segmentation, space, tokenizer

T = TypeVar("T")

ENCODE_AT_ONCE = 2048
"""Passages embedded together: enough to sort by length, few enough to hold in memory."""


@dataclass(frozen=True)
class Filled:
    """A space with what fills it: its segmentation and its encoder."""

    space: Space
    segmentation: Segmentation
    encoder: Encoder

    @property
    def may_cut(self) -> bool:
        """Whether a passage may be longer than the encoder reads."""
        cut, model = self.segmentation, self.encoder
        counted_alike = cut.tokenizer == self.space.encoder
        return not (
            cut.method == "structure" and counted_alike and cut.max_tokens <= model.max_tokens
        )


def filled(w: Wiring, settings: Settings) -> Filled:
    """Return the space of these settings with its segmentation and encoder."""
    return Filled(space(w, settings), segmentation(settings.segment), encoder(w, settings.encoder))


def spaces_in_use(w: Wiring) -> list[Filled]:
    """Return the spaces that are kept up: those of every release that was in use, each once."""
    releases = [w.releases.get(number).settings for number in w.releases.history()]
    found = [filled(w, settings) for settings in releases or [w.config.settings]]
    return list({place.space.id: place for place in found}.values())


def ensure_space(w: Wiring, settings: Settings, *, ctx: Context) -> Space:
    """Return the space of these settings, filled beside the old ones if it is not there yet.

    The caller holds the workspace's lock. Passages are cut anew only for a segmentation that the
    library does not have; texts are read from the library, never from their sources.
    """
    wanted, held = filled(w, settings), library(w)
    if wanted.space.id in {place.id for place in held.spaces}:
        return wanted.space
    cut = wanted.segmentation
    with held.writer(ctx) as writer:
        writer.add_space(wanted.space)
        if cut.id in {place.segmentation for place in held.spaces}:
            with ctx.stage("embed passages") as step:
                for batch in batched(held.iter_passages(cut.id), ENCODE_AT_ONCE):
                    embed(writer, batch, [wanted], step=step, ctx=ctx)
                    step.advance(len(batch))
        else:
            documents = (held.document(id) for id in held.document_ids())
            put(w, writer, documents, [wanted], ctx=ctx, stored=True)
        writer.publish()
    return wanted.space


def put(
    w: Wiring, writer: Writer, documents: Iterable[Document], spaces: Sequence[Filled], *,
    ctx: Context, stored: bool = False,
) -> None:  # fmt: skip
    """Cut documents and put them with their passages and vectors into spaces, some at a time.

    `stored` says that the documents themselves are in the library already. No more than a batch
    of documents and of passages is held in memory.
    """
    cuts = {place.segmentation.id: place.segmentation for place in spaces}
    waiting: dict[str, list[Passage]] = {id: [] for id in cuts}

    def flush(id: str) -> None:
        batch, waiting[id] = waiting[id], []
        embed(writer, batch, [p for p in spaces if p.segmentation.id == id], step=step, ctx=ctx)

    with ctx.stage("cut and embed documents") as step:
        for document in documents:
            if not stored:
                writer.put_documents([document])
            for id, cut in cuts.items():
                found = list(segment(document, cut, tokenizer(w, cut.tokenizer)))
                writer.put_passages(found)
                waiting[id] += found
                if len(waiting[id]) >= ENCODE_AT_ONCE:
                    flush(id)
            step.advance()
        for id in cuts:
            flush(id)


def embed(
    writer: Writer, passages: Sequence[Passage], spaces: Sequence[Filled], *, step: Step,
    ctx: Context,
) -> None:  # fmt: skip
    """Put the vectors of passages into spaces of one segmentation; say where one is cut short."""
    texts = [passage.indexed_text for passage in passages]
    for place in spaces if texts else ():
        for start in range(0, len(texts), ENCODE_AT_ONCE):
            stop = start + ENCODE_AT_ONCE
            vectors = place.encoder.encode_passages(texts[start:stop])
            writer.put_vectors(place.space, passages[start:stop], vectors)
            step.advance(0)
        most = place.encoder.max_tokens
        too_long = sum(n > most for n in place.encoder.count_tokens(texts)) if place.may_cut else 0
        if too_long:
            ctx.warn(
                "embed",
                f"{too_long} passages are longer than the {most} tokens that "
                f"{place.encoder.name} reads, and their ends are not in their vectors",
                passages=too_long,
            )


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
