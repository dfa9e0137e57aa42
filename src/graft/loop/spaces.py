"""Spaces: every space that a release may use holds the vectors of every passage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

import numpy as np

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Document, Passage
from graft.core.errors import GraftError, ModelError
from graft.core.files import RUNS
from graft.core.mapper import Lost
from graft.core.protocols import Encoder
from graft.core.release import Release
from graft.core.runs import Run
from graft.core.space import Segmentation, Space
from graft.library.embedded import Vector
from graft.library.segment import segment
from graft.library.writer import Writer
from graft.loop.parts import run_named, with_run
from graft.wire import Wiring, encoder, library, mapper, segmentation, space, tokenizer

T = TypeVar("T")

CANDIDATES = 3
"""Tuned retrievers that are kept up beside what was in use: each costs its share of an ingest."""

ENCODE_AT_ONCE = 2048
"""Passages embedded together: enough to sort by length, few enough to hold in memory."""


@dataclass(frozen=True)
class Filled:
    """A space with what fills it: its segmentation and its encoder, and vectors `known` by text."""

    space: Space
    segmentation: Segmentation
    encoder: Encoder
    known: Mapping[str, Vector] = field(default_factory=dict)

    @property
    def may_cut(self) -> bool:
        """Whether a passage may be longer than the encoder reads."""
        cut, model = self.segmentation, self.encoder
        counted_alike = cut.tokenizer == self.space.encoder
        # The prefix and the model's special tokens stand beside every passage.
        longest = cut.max_tokens + model.count_tokens([""])[0]
        return not (cut.method == "structure" and counted_alike and longest <= model.max_tokens)


def filled(w: Wiring, settings: Settings) -> Filled:
    """Return the space of these settings with its segmentation and encoder."""
    return Filled(space(w, settings), segmentation(settings.segment), encoder(w, settings.encoder))


@contextmanager
def writing(w: Wiring, *, ctx: Context) -> Iterator[Writer]:
    """Write the library's next version; the caller holds the workspace's lock."""
    table = w.config.ingest
    with library(w).writer(ctx, ann_from=table.ann_from, coded=table.vectors) as writer:
        yield writer


def spaces_in_use(w: Wiring, *, ctx: Context) -> list[Filled]:
    """Return the spaces that are kept up, each once, all filled with what is stored.

    They are those of every release that was in use (of graft.toml before the first), and of
    `CANDIDATES` runs that may come into use: the newest that retrievers were tuned to since the
    release in use was made, and whose vectors are laid. The caller holds the workspace's lock.
    """
    releases = [w.releases.get(number) for number in w.releases.history()]
    settings = [release.settings for release in releases] or [w.config.settings]
    found = {place.space.id: place for place in (filled(w, each) for each in settings)}
    for place in found.values():
        # An encoder that was trained on where it lies has a space that is not there yet.
        if library(w).counts["documents"]:
            fill(w, place, ctx=ctx)
    if releases:
        found |= {place.space.id: place for place in candidates(w, releases[0])}
    return list(found.values())


def candidates(w: Wiring, release: Release) -> list[Filled]:
    """Return the spaces of tuned retrievers that the release in use may be followed by."""
    laid = {space.id: space.encoder for space in library(w).spaces}
    runs: list[Run] = []
    for name in set(laid.values()):
        if name.startswith(RUNS):
            with suppress(GraftError):  # a run that was deleted, or is damaged, comes into no use
                runs.append(run_named(w, name))
    newer = sorted((r for r in runs if r.created >= release.created), key=lambda run: run.created)
    places = [filled(w, with_run(release.settings, r)) for r in newer[-CANDIDATES:]]
    return [place for place in places if place.space.id in laid]


def ensure_space(w: Wiring, settings: Settings, *, ctx: Context) -> Space:
    """Return the space of these settings, filled beside the old ones if it is not there yet.

    The caller holds the workspace's lock.
    """
    wanted = filled(w, settings)
    fill(w, wanted, ctx=ctx)
    return wanted.space


def fill(w: Wiring, wanted: Filled, *, ctx: Context) -> None:
    """Lay a space of everything that is stored, and publish it, if it is not there yet.

    Passages are cut anew only for a segmentation that the library does not have; texts are read
    from the library, never from their sources.
    """
    held, cut = library(w), wanted.segmentation
    if wanted.space.id in {place.id for place in held.spaces}:
        return
    with writing(w, ctx=ctx) as writer:
        writer.add_space(wanted.space)
        if cut.id in {place.segmentation for place in held.spaces}:
            with ctx.stage("embed passages") as step:
                for batch in batched(held.iter_passages(cut.id), ENCODE_AT_ONCE):
                    embed(w, writer, batch, wanted, ctx=ctx)
                    step.advance(len(batch))
        else:
            documents = (held.document(id) for id in held.document_ids())
            put(w, writer, documents, [wanted], ctx=ctx)
        writer.publish()


def put(
    w: Wiring, writer: Writer, documents: Iterable[Document], spaces: Sequence[Filled], *,
    ctx: Context,
) -> None:  # fmt: skip
    """Cut documents that are in the library, and put their passages and vectors into spaces.

    No more than a batch of documents and of passages is held in memory. What the library holds the
    vector of already, whatever document it stood in, is not encoded again.
    """
    cuts = {place.segmentation.id: place.segmentation for place in spaces}
    waiting: dict[str, list[Passage]] = {id: [] for id in cuts}
    hashes: dict[str, dict[str, str]] = {id: {} for id in cuts}

    def flush(id: str) -> None:
        batch, waiting[id] = waiting[id], []
        texts, hashes[id] = hashes[id], {}
        for place in [place for place in spaces if place.segmentation.id == id]:
            known = held.vectors(texts, place.space.encoder_digest)
            embed(w, writer, batch, replace(place, known=known), ctx=ctx)
            step.advance(0)

    held = library(w).embedded
    with ctx.stage("cut and embed documents") as step:
        for document in documents:
            for id, cut in cuts.items():
                found = list(segment(document, cut, tokenizer(w, cut.tokenizer)))
                writer.put_passages(found)
                waiting[id] += found
                hashes[id][document.id] = document.text_hash
                if len(waiting[id]) >= ENCODE_AT_ONCE:
                    flush(id)
            step.advance()
        for id in cuts:
            flush(id)


def embed(
    w: Wiring, writer: Writer, passages: Sequence[Passage], place: Filled, *, ctx: Context
) -> None:
    """Put the vectors of passages into a space; say where one is cut short.

    A text is encoded once, however often it stands there, and not at all where it is known.
    """
    texts = [passage.indexed_text for passage in passages]
    new = list(dict.fromkeys(text for text in texts if text not in place.known))
    vectors = dict(place.known)
    encoded = mapper(w, "encode").map(place.encoder.encode_passages, batched(new, ENCODE_AT_ONCE))
    for some, made in zip(batched(new, ENCODE_AT_ONCE), encoded, strict=True):
        if isinstance(made, Lost):
            raise ModelError(
                f"the process that encoded {len(some)} passages was lost ({made.how}), and "
                "nothing was published: ingest again, with more memory or fewer processes"
            )
        vectors |= zip(some, made, strict=True)
    if texts:
        writer.put_vectors(place.space, passages, np.stack([vectors[text] for text in texts]))
    most = place.encoder.max_tokens
    counts = Counter(texts) if place.may_cut else Counter[str]()
    lengths = place.encoder.count_tokens(list(counts))
    too_long = sum(counts[text] for text, n in zip(counts, lengths, strict=True) if n > most)
    if too_long:
        ctx.warn(
            "embed",
            f"{too_long} passages are longer than the {most} tokens that "
            f"{place.encoder.name} reads, and their ends are not in their vectors",
            passages=too_long,
        )


def put_documents(
    workspace: Wiring, documents: Sequence[Document], settings: Sequence[Settings], *, ctx: Context
) -> int:
    """Put documents into the spaces of these settings and publish; return the version.

    The library has these spaces alone afterwards: others would lack the vectors of what is new.
    The caller holds the workspace's lock.
    """
    with writing(workspace, ctx=ctx) as writer:
        spaces = [filled(workspace, each) for each in settings]
        for place in spaces:
            writer.add_space(place.space)
        kept = {place.space.id for place in spaces}
        for other in library(workspace).spaces:
            if other.id not in kept:
                writer.drop_space(other)
        writer.put_documents(documents)
        put(workspace, writer, documents, spaces, ctx=ctx)
        version: int = writer.publish()
        return version


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
