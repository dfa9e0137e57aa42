"""Mine: hard negatives from the first stage's own mistakes, with false negatives left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.example import Example
from graft.core.hashing import text_hash
from graft.core.protocols import Encoder, PassageStore
from graft.core.recipe import Negatives
from graft.examples.answering import Answering, said
from graft.examples.searching import Retrieve, Searched, passages_of, searched

MINED_HITS = 60
"""Passages that hard negatives are chosen from: a band of ranks, and some to be left out."""

POSITIVES = 4
"""Passages that answer a question which it is trained with at most, the best first; the others
are still no negatives of it. A question on many documents would cost as much as many questions."""

Similarity = Callable[[Sequence[tuple[str, Passage]]], NDArray[np.float32]]
"""How near each question is to each passage, `(n,) float32`, on the scale of the encoder."""


@dataclass(frozen=True)
class Triple:
    """A question, a passage that answers it, and passages that only look as if they did.

    The question is what is searched for: a follow-up stands beside what was asked before it.
    `gold` holds the keys of all that answers the question (documents, passages and hashes of
    texts: see `passage_keys`), so that none of it is ever a negative of the same batch.
    """

    example: str
    question: str
    positive: Passage
    negatives: tuple[Passage, ...] = ()
    gold: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Mined:
    """The triples, and what was left out of them by reason.

    Reasons for a passage: "gold passage", "holds the answer", "copy of a positive", "near a
    positive's score". Reasons for a question: "no positive", "search failed". "no negative"
    counts the questions that are kept with none.
    """

    triples: tuple[Triple, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)


def mine(  # noqa: PLR0913
    examples: Sequence[Example],
    positives: Mapping[str, Sequence[Passage]],
    retrieve: Retrieve,
    store: PassageStore,
    negatives: Negatives,
    *,
    similarity: Similarity | None = None,
    ctx: Context | None = None,
) -> Mined:
    """Return one triple for each positive, its negatives the hardest of the rank band.

    `positives` maps an example's id to the passages its gold resolves to; a gold that names a
    whole document is represented by its passage nearest to the question (its first one, without
    a `similarity`), a gold with a span by every passage on it. Candidates are read from rank
    `negatives.first` to `negatives.last`, in order, until `negatives.count` are kept. The
    `ceiling` needs a `similarity` and is not applied without one. The same input gives the same
    output. The ceiling is a share of the score of the question's best positive. Raises InputError
    for a rank band that is empty.
    """
    if not 1 <= negatives.first <= negatives.last:
        raise InputError(
            f"hard negatives were asked from rank {negatives.first} to {negatives.last}, and the "
            "first must be at least 1 and not after the last: mend the recipe"
        )
    ctx = ctx or Context()
    dropped: Counter[str] = Counter()
    triples: list[Triple] = []
    known = [example for example in examples if positives.get(example.id)]
    dropped["no positive"] = len(examples) - len(known)
    with ctx.stage("mine", len(known)) as step:
        for batch in searched(known, retrieve):
            seekers = _seekers(batch, positives, store, negatives)
            dropped["search failed"] += len(batch) - len(seekers)
            _fill(seekers, negatives, similarity)
            for seeker in seekers:
                dropped.update(seeker.dropped)
                dropped["no negative"] += not seeker.kept
                triples.extend(_triples(seeker, similarity))
            step.advance(len(batch))
    return Mined(tuple(triples), {reason: n for reason, n in dropped.items() if n})


def train_mined(mined: Mined) -> Mined:
    """Return what was mined with `POSITIVES` triples a question at most."""
    taken: Counter[str] = Counter()
    triples = []
    for triple in mined.triples:
        taken[triple.example] += 1
        if taken[triple.example] <= POSITIVES:
            triples.append(triple)
    return replace(mined, triples=tuple(triples))


def encoder_similarity(encoder: Encoder) -> Similarity:
    """Return the similarity that an encoder itself sees; it encodes each text once.

    It holds a vector for each text it has met (1.5 kB at 384 dimensions).
    """
    questions: dict[str, NDArray[np.float32]] = {}
    passages: dict[str, NDArray[np.float32]] = {}

    def similarity(pairs: Sequence[tuple[str, Passage]]) -> NDArray[np.float32]:
        if not pairs:
            return np.zeros(0, dtype=np.float32)
        asked = list(dict.fromkeys(q for q, _ in pairs if q not in questions))
        shown = {p.id: p.indexed_text for _, p in pairs if p.id not in passages}
        if asked:
            questions.update(zip(asked, encoder.encode_queries(asked), strict=True))
        if shown:
            vectors = encoder.encode_passages(list(shown.values()))
            passages.update(zip(shown, vectors, strict=True))
        rows = [float(questions[q] @ passages[p.id]) for q, p in pairs]
        return np.asarray(rows, dtype=np.float32)

    return similarity


@dataclass
class _Seeker:
    """One question on its way through mining; `queue` holds the candidates not yet judged."""

    example: Example
    question: str
    positives: list[Passage]
    queue: list[Passage]
    kept: list[Passage] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    scores: dict[str, float] = field(default_factory=dict)
    limit: float = float("inf")


def _seekers(
    batch: Sequence[Searched],
    positives: Mapping[str, Sequence[Passage]],
    store: PassageStore,
    negatives: Negatives,
) -> list[_Seeker]:
    found = [(example, search) for example, search in batch if not search.error]
    band = slice(negatives.first - 1, negatives.last)
    queues = passages_of([replace(s, hits=s.hits[band]) for _, s in found], store)
    return [
        _Seeker(example, search.asked, list(positives[example.id]), queue)
        for (example, search), queue in zip(found, queues, strict=True)
    ]


def _fill(seekers: list[_Seeker], negatives: Negatives, similarity: Similarity | None) -> None:
    """Fill each seeker in rounds, so that only as many candidates are encoded as are needed."""
    judges = {id(seeker): Answering(seeker.example, seeker.positives) for seeker in seekers}
    if similarity is not None:
        pairs = [(s.question, p) for s in seekers for p in s.positives]
        values = iter(similarity(pairs).tolist())
        for seeker in seekers:
            seeker.scores = {p.id: next(values) for p in seeker.positives}
            best = max(seeker.scores.values())
            # A share of a score below zero would lie above it.
            seeker.limit = negatives.ceiling * best if best > 0 else best
    while True:
        chosen: list[tuple[_Seeker, Passage]] = []
        for seeker in seekers:
            judge = judges[id(seeker)]
            need = negatives.count - len(seeker.kept)
            while need > 0 and seeker.queue:
                candidate = seeker.queue.pop(0)
                reason = judge.reason(candidate)
                if reason:
                    seeker.dropped[reason] += 1
                else:
                    chosen.append((seeker, candidate))
                    need -= 1
        if not chosen:
            return
        if similarity is None:
            scores = [float("-inf")] * len(chosen)
        else:
            scores = similarity([(s.question, p) for s, p in chosen]).tolist()
        for (seeker, candidate), score in zip(chosen, scores, strict=True):
            if score > seeker.limit:
                seeker.dropped["near a positive's score"] += 1
            else:
                seeker.kept.append(candidate)


def passage_keys(passage: Passage) -> frozenset[str]:
    """Return what a passage may be known by: its id, its document's id, and its text's hash.

    Passages whose texts differ in case, punctuation, articles or the way of writing a number alone
    share the last one.
    """
    return frozenset({passage.id, passage.document_id, text_hash(said(passage.text))})


def _triples(seeker: _Seeker, similarity: Similarity | None) -> Iterator[Triple]:
    example = seeker.example
    whole = frozenset(g.document_id for g in example.gold if g.start is None or g.end is None)
    spanned = {g.document_id for g in example.gold} - whole
    keys = (passage_keys(p) - {p.document_id} for p in seeker.positives)
    gold = whole.union(*keys)
    best: dict[str, Passage] = {}
    for passage in seeker.positives:
        # With a span every passage on it is evidence; in a whole document, few passages are.
        key = passage.id if passage.document_id in spanned else passage.document_id
        held = best.setdefault(key, passage)
        if similarity is not None and seeker.scores[passage.id] > seeker.scores[held.id]:
            best[key] = passage
    triple = Triple(
        example.id, seeker.question, next(iter(best.values())), tuple(seeker.kept), gold
    )
    for positive in best.values():
        yield replace(triple, positive=positive)
