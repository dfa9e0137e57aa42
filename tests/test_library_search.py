"""Under an access mask a search is that of a library which holds only what the asker may see."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.document import Document, Passage, Span
from graft.core.protocols import Ranked
from graft.core.search import Filter
from graft.core.space import Space
from graft.core.where import parse_where
from graft.library.store import Library
from graft.testing.fakes import FakeEncoder

pytestmark = pytest.mark.slow

ENCODER = FakeEncoder(dimensions=8)
SPACE = Space("whole", ENCODER.name, ENCODER.digest, ENCODER.dimensions)
WORDS = ("leave", "days", "carry", "over", "march", "manager")
PEOPLE = ("staff", "boss", "hr")
QUERIES = ("leave days", "carry carry over manager", "march", "nothing of it")

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
readers = st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True).map(tuple)
askers = st.none() | st.frozensets(st.sampled_from((*PEOPLE, "nobody")), max_size=2)


@dataclass(frozen=True)
class Corpus:
    """Documents by id, and passages: one a document, and some made from several."""

    documents: tuple[Document, ...]
    passages: tuple[Passage, ...]

    def left(self, access: dict[str, tuple[str, ...]], who: frozenset[str] | None) -> Corpus:
        """What somebody may see, told by its definition: of a document by its readers as they are
        now, of a derived passage by all documents behind it."""
        seen = {id for id, named in access.items() if who is None or not named or who & set(named)}
        return Corpus(
            tuple(d for d in self.documents if d.id in seen),
            tuple(
                p for p in self.passages
                if {p.document_id, *(span.document_id for span in p.made_from)} <= seen
            ),
        )  # fmt: skip


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    size = draw(st.integers(1, 6))
    documents = tuple(
        Document(f"{'ab'[i % 2]}/{i}", draw(texts), access=draw(readers)) for i in range(size)
    )
    passages = [Passage(f"p{d.id}", d.id, 0, len(d.text), d.text, "whole") for d in documents]
    for number in range(draw(st.integers(0, 4))):
        owner = draw(st.sampled_from(documents))
        behind = draw(st.lists(st.sampled_from(documents), min_size=1, max_size=3))
        spans = tuple(Span(d.id, 0, 1) for d in behind)
        passages.append(
            Passage(f"s{number}", owner.id, 0, 0, draw(texts), "whole", made_from=spans)
        )
    return Corpus(documents, tuple(passages))


def publish(folder: Path, corpus: Corpus) -> Library:
    with Library.open(folder) as library, library.writer(Context()) as writer:
        writer.add_space(SPACE)
        writer.put_documents(corpus.documents)
        writer.put_passages(corpus.passages)
        vectors = ENCODER.encode_passages([p.indexed_text for p in corpus.passages])
        writer.put_vectors(SPACE, corpus.passages, vectors)
        writer.publish()
    return Library.open(folder)


def ask(
    library: Library, who: frozenset[str] | None, allowed: Filter | None = None
) -> tuple[list[Ranked], list[Ranked]]:
    filters, asking = [allowed or Filter()] * len(QUERIES), [who] * len(QUERIES)
    words = library.match(QUERIES, 99, allowed=filters, principals=asking)
    near = library.nearest(
        ENCODER.encode_queries(QUERIES), 99, allowed=filters, principals=asking,
        encoder_digest=ENCODER.digest,
    )  # fmt: skip
    return words, near


def same(found: Sequence[Ranked], wanted: Sequence[Ranked]) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert [hit[:2] for hit in one] == [hit[:2] for hit in other]
        assert [hit[2] for hit in one] == pytest.approx([hit[2] for hit in other], abs=1e-6)


SLOW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@SLOW
@given(corpora(), askers, st.sampled_from(("a/", "b/")))
def test_scores_are_those_of_a_library_of_what_the_asker_may_see(
    corpus: Corpus, who: frozenset[str] | None, under: str
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        everything = publish(Path(one), corpus)
        left = corpus.left({d.id: d.access for d in corpus.documents}, who)
        found = ask(everything, who)
        if left.documents:
            for ranked, wanted in zip(found, ask(publish(Path(other), left), None), strict=True):
                same(ranked, wanted)
        else:
            assert found == ([[]] * len(QUERIES), [[]] * len(QUERIES))
        # A filter takes hits away, and changes the score of none that stays.
        behind = {
            p.id: {p.document_id, *(s.document_id for s in p.made_from)} for p in left.passages
        }
        for allowed in (Filter(under=under), Filter(where=parse_where(f'id ~ "{under}*"'))):
            for ranked, left_over in zip(found, ask(everything, who, allowed), strict=True):
                kept = [
                    [hit for hit in hits if all(id.startswith(under) for id in behind[hit[0]])]
                    for hits in ranked
                ]
                same(left_over, kept)


@SLOW
@given(corpora(), st.data())
def test_a_derived_passage_is_seen_by_who_may_see_all_it_was_made_from_now(
    corpus: Corpus, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        older = publish(Path(folder), corpus)
        ids = [document.id for document in corpus.documents]
        changed = {id: data.draw(readers) for id in data.draw(st.sets(st.sampled_from(ids)))}
        gone = data.draw(st.sets(st.sampled_from(ids), max_size=2))
        with older.writer(Context()) as writer:
            writer.set_access(changed)
            writer.remove(gone)
            writer.publish()
        access = {d.id: changed.get(d.id, d.access) for d in corpus.documents if d.id not in gone}
        newer = Library.open(Path(folder))
        for who in (None, frozenset[str](), frozenset({"staff"}), frozenset(PEOPLE)):
            wanted = {passage.id for passage in corpus.left(access, who).passages}
            for library in (older, newer):
                words, near = ask(library, who)
                assert {hit[0] for hit in near[0]} == wanted
                assert {hit[0] for ranked in words for hit in ranked} <= wanted
