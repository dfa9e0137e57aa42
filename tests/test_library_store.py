"""The library as a reader sees it, and what a write changes in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.document import Document, Passage, Span, passage_id
from graft.core.errors import DocumentError, EncoderMismatch, InputError, NotFound
from graft.core.protocols import PassageStore, Ranked
from graft.core.search import Filter
from graft.core.space import Space
from graft.library.store import Library
from graft.library.writer import Writer
from graft.testing.fakes import FakeEncoder

ENCODER = FakeEncoder(dimensions=32)
OTHER = FakeEncoder(dimensions=16, name="other")
CUT = "paragraphs"
SPACE = Space(CUT, ENCODER.name, ENCODER.digest, ENCODER.dimensions)


def passages_of(document: Document, segmentation: str = CUT) -> list[Passage]:
    found, start = [], 0
    for part in document.text.split("\n\n") if segmentation == CUT else [document.text]:
        span = (start, start + len(part))
        id = passage_id(document.id, document.text_hash, span, segmentation)
        found.append(Passage(id, document.id, *span, part, segmentation, title=document.title))
        start += len(part) + 2
    return found


def put(writer: Writer, documents: Iterable[Document], *spaces: Space) -> None:
    for document in documents:
        writer.put_documents([document])
        for space in spaces or (SPACE,):
            writer.add_space(space)
            passages = passages_of(document, space.segmentation)
            if space is SPACE or space.segmentation != CUT:
                writer.put_passages(passages)
            encoder = ENCODER if space.encoder == ENCODER.name else OTHER
            texts = [passage.indexed_text for passage in passages]
            writer.put_vectors(space, passages, encoder.encode_passages(texts))


def publish(folder: Path, documents: Iterable[Document], *spaces: Space) -> Library:
    with Library.open(folder).writer(Context()) as writer:
        put(writer, documents, *spaces)
        writer.publish()
    return Library.open(folder)


def match(library: Library, query: str, limit: int = 10) -> Ranked:
    return library.match([query], limit, allowed=[Filter()], principals=[None])[0]


def nearest(
    library: Library, query: str, limit: int = 10, encoder: FakeEncoder = ENCODER
) -> Ranked:
    (ranked,) = library.nearest(
        encoder.encode_queries([query]), limit, allowed=[Filter()],
        encoder_digest=encoder.digest, principals=[None],
    )  # fmt: skip
    return ranked


LEAVE = Document("hr/leave.md", "Leave carries over.\n\nAsk the manager first.", "Leave")
PAY = Document("hr/pay.md", "Pay day is the last Friday.", "Pay")


def test_an_empty_library_answers_nothing_and_says_why(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library")
    assert (library.version, library.spaces, library.document_ids()) == (0, (), [])
    assert library.counts == {"documents": 0, "passages": 0}
    assert match(library, "leave") == []
    assert list(library.document_rows()) == list(library.iter_passages()) == []
    with pytest.raises(EncoderMismatch, match="none yet"):
        nearest(library, "leave")
    with pytest.raises(NotFound, match="empty"):
        library.document("hr/leave.md")


def test_it_is_a_passage_store(tmp_path: Path) -> None:
    store: PassageStore = publish(tmp_path, [LEAVE])
    assert store.version == 1


def test_documents_and_passages_come_back_as_they_were(tmp_path: Path) -> None:
    document = Document(
        "a'b/\\ü.pdf", "First page.\n\nSecond 𝒳 page.", "Title", "application/pdf", "file:///x",
        "/root", "f1", ("staff", "o'hara"), (0, 13), {"author": "Zoë", "year": "1999"},
    )  # fmt: skip
    passage = Passage(
        "p1", document.id, 13, 27, document.text[13:27], CUT, "Title", ("One", "Two"), 2,
        (Span(document.id, 0, 3), Span("other", 4, 5)),
    )  # fmt: skip
    with Library.open(tmp_path).writer(Context()) as writer:
        writer.put_documents([document])
        writer.put_passages([passage])
        writer.publish()
    library = Library.open(tmp_path)
    assert library.document(document.id) == document
    assert library.passages(["p1"]) == [passage]
    assert library.passages_of(document.id) == [passage]
    assert list(library.iter_passages()) == [passage]
    assert library.counts == {"documents": 1, "passages": 1}
    (row,) = library.document_rows()
    assert (row.id, row.title, row.media_type, row.passages) == (
        document.id, "Title", "application/pdf", 1,
    )  # fmt: skip
    assert (row.fingerprint, row.source, row.uri) == ("f1", "/root", "file:///x")
    assert (row.text_hash, row.access) == (document.text_hash, ("staff", "o'hara"))
    assert list(library.texts()) == [(document.id, document.text)]


def test_passages_keep_the_order_asked_for_and_may_repeat(tmp_path: Path) -> None:
    library = publish(tmp_path, [LEAVE, PAY])
    ids = [p.id for p in library.iter_passages()]
    asked = [ids[2], ids[0], ids[2]]
    assert [p.id for p in library.passages(asked)] == asked
    assert library.passages([]) == []
    with pytest.raises(NotFound, match="no passage 'gone'"):
        library.passages([ids[0], "gone"])


def test_both_legs_find_the_passage(tmp_path: Path) -> None:
    library = publish(tmp_path, [LEAVE, PAY])
    wanted = passages_of(LEAVE)[1].id
    assert match(library, "manager")[0][:2] == (wanted, LEAVE.id)
    assert nearest(library, "ask the manager first")[0][:2] == (wanted, LEAVE.id)
    assert match(library, "leave", 0) == nearest(library, "leave", 0) == []


def test_a_changed_document_leaves_nothing_behind_in_any_space(tmp_path: Path) -> None:
    second = Space(CUT, OTHER.name, OTHER.digest, OTHER.dimensions)
    publish(tmp_path, [LEAVE, PAY], SPACE, second)
    changed = Document(LEAVE.id, "Holidays expire.", "Leave")
    library = publish(tmp_path, [changed], SPACE, second)
    assert library.check() == []
    assert library.counts["documents"] == 2
    assert [h[1] for h in match(library, "manager carries")] == []
    (passage,) = passages_of(changed)
    assert match(library, "holidays")[0][0] == passage.id
    for encoder in (ENCODER, OTHER):
        found = nearest(library, "leave manager", 10, encoder)
        assert {h[0] for h in found} == {passage.id, passages_of(PAY)[0].id}


def test_a_removed_document_is_gone_from_dense_and_full_text(tmp_path: Path) -> None:
    library = publish(tmp_path, [LEAVE, PAY])
    with library.writer(Context()) as writer:
        assert writer.remove([LEAVE.id, "never there"]) == 1
        writer.publish()
    library = Library.open(tmp_path)
    assert library.check() == []
    assert library.document_ids() == [PAY.id]
    assert match(library, "leave manager") == []
    assert {h[1] for h in nearest(library, "leave")} == {PAY.id}
    with pytest.raises(NotFound, match="no passage"):
        library.passages([passages_of(LEAVE)[0].id])


def test_a_document_put_twice_in_one_write_is_its_last_text(tmp_path: Path) -> None:
    with Library.open(tmp_path).writer(Context()) as writer:
        put(writer, [Document("a", "the first text"), Document("a", "a second one")])
        put(writer, [Document("b", "kept"), Document("c", "dropped")])
        writer.remove(["c"])
        writer.publish()
    library = Library.open(tmp_path)
    assert library.check() == []
    assert list(library.texts()) == [("a", "a second one"), ("b", "kept")]
    assert match(library, "first dropped") == []


def test_another_encoder_is_an_error_that_names_both(tmp_path: Path) -> None:
    library = publish(tmp_path, [LEAVE])
    with pytest.raises(EncoderMismatch) as caught:
        nearest(library, "leave", encoder=OTHER)
    assert OTHER.digest[:12] in str(caught.value)
    assert ENCODER.digest[:12] in str(caught.value)


def test_queries_of_another_width_are_refused(tmp_path: Path) -> None:
    library = publish(tmp_path, [LEAVE])
    with pytest.raises(InputError, match=r"\(n, 32\)"):
        library.nearest(
            np.ones((1, 5), np.float32), 3, allowed=[Filter()],
            encoder_digest=ENCODER.digest, principals=[None],
        )  # fmt: skip


def test_two_segmentations_are_searched_one_at_a_time(tmp_path: Path) -> None:
    whole = Space("whole", ENCODER.name, ENCODER.digest, ENCODER.dimensions)
    library = publish(tmp_path, [LEAVE, PAY], SPACE, whole)
    assert sorted(library.segmentations) == [CUT, "whole"]
    for search in (match, nearest):
        with pytest.raises(InputError, match="2 ways"):
            search(library, "leave")
    by_whole, by_paragraph = library.using("whole"), library.using(CUT)
    assert {h[0] for h in match(by_whole, "leave manager")} == {passages_of(LEAVE, "whole")[0].id}
    assert len(nearest(by_paragraph, "leave")) == by_paragraph.counts["passages"] == 3
    assert len(nearest(by_whole, "leave")) == by_whole.counts["passages"] == 2
    assert [p.segmentation for p in by_whole.passages_of(LEAVE.id)] == ["whole"]
    assert len(library.passages_of(LEAVE.id, CUT)) == 2
    for lost in (lambda: match(library.using("never"), "leave"),
                 lambda: library.passages_of(LEAVE.id, "never"),
                 lambda: list(library.iter_passages("never"))):  # fmt: skip
        with pytest.raises(NotFound, match="cut by segmentation never"):
            lost()
    with library.writer(Context()) as writer:
        writer.drop_space(whole)
        writer.publish()
    library = Library.open(tmp_path)
    assert (library.spaces, library.segmentations, library.check()) == ((SPACE,), (CUT,), [])
    assert len(match(library, "leave")) == 2


def test_a_space_without_all_its_vectors_is_not_published(tmp_path: Path) -> None:
    publish(tmp_path, [PAY])
    with Library.open(tmp_path).writer(Context()) as writer:
        writer.put_documents([LEAVE])
        passages = passages_of(LEAVE)
        writer.put_passages(passages)
        writer.put_vectors(SPACE, passages[:1], ENCODER.encode_passages(["one"]))
        with pytest.raises(InputError, match="2 vectors and its segmentation 3"):
            writer.publish()
    assert Library.open(tmp_path).document_ids() == [PAY.id]


def test_a_new_space_is_filled_beside_the_old_one(tmp_path: Path) -> None:
    library = publish(tmp_path, [LEAVE, PAY])
    second = Space(CUT, OTHER.name, OTHER.digest, OTHER.dimensions)
    with library.writer(Context()) as writer:
        writer.add_space(second)
        passages = list(library.iter_passages(CUT))
        vectors = OTHER.encode_passages([passage.indexed_text for passage in passages])
        writer.put_vectors(second, passages, vectors)
        writer.publish()
    library = Library.open(tmp_path)
    assert set(library.spaces) == {SPACE, second}
    wanted = passages_of(PAY)[0].id
    for encoder in (ENCODER, OTHER):
        assert nearest(library, "Pay Pay day is the last Friday.", 1, encoder)[0][0] == wanted
    with library.writer(Context()) as writer:
        writer.drop_space(SPACE)
        writer.publish()
    library = Library.open(tmp_path)
    assert library.spaces == (second,)
    assert len(list(tmp_path.glob("vectors-*"))) == 2, "a reader still holds the older version"


def test_what_does_not_fit_is_refused_with_a_reason(tmp_path: Path) -> None:
    with Library.open(tmp_path).writer(Context()) as writer:
        with pytest.raises(NotFound, match="put the document first"):
            writer.put_passages(passages_of(LEAVE))
        with pytest.raises(DocumentError, match="surrogate"):
            writer.put_documents([Document("bad", "half \ud800 a pair")])
        put(writer, [PAY])
        passages = passages_of(PAY)
        with pytest.raises(NotFound, match="add it"):
            writer.put_vectors(Space("x", "y", "z", 3), passages, np.ones((1, 3), np.float32))
        for wrong in (np.ones((1, 5)), np.ones((2, 32)), np.full((1, 32), np.nan)):
            with pytest.raises(InputError, match="vectors of shape"):
                writer.put_vectors(SPACE, passages, wrong.astype(np.float32))
        with pytest.raises(NotFound, match="nobody"):
            writer.set_access({"nobody": ["staff"]})
        writer.publish()
    with Library.open(tmp_path).writer(Context()) as writer:
        put(writer, [LEAVE])
        writer.put_passages(passages_of(LEAVE)[:1])
        with pytest.raises(InputError, match="put twice"):
            writer.publish()
    assert Library.open(tmp_path).document_ids() == [PAY.id]


def test_how_it_came_to_be_changes_no_score(tmp_path: Path) -> None:
    texts = [f"leave number {i} of {i % 7} days for team {i % 3}" for i in range(40)]
    documents = [Document(f"d{i:02}", text) for i, text in enumerate(texts)]
    once = publish(tmp_path / "once", documents)
    for some in (documents[20:], [Document("gone", "leave leave leave"), *documents[:20]]):
        publish(tmp_path / "often", some)
    with Library.open(tmp_path / "often").writer(Context()) as writer:
        put(writer, documents[5:9])
        writer.remove(["gone"])
        writer.publish()
    often = Library.open(tmp_path / "often")
    for query in ("leave days team 2", "number 5", "team"):
        assert match(once, query, 7) == match(often, query, 7) != []
        assert nearest(once, query, 7) == nearest(often, query, 7)


def test_equal_scores_are_ordered_by_passage_id(tmp_path: Path) -> None:
    library = publish(tmp_path, [Document(f"d{i}", "the same words") for i in range(30)])
    ids = sorted(p.id for p in library.iter_passages())
    for search in (match, nearest):
        for limit in (1, 7, 30, 99):
            assert [h[0] for h in search(library, "same words", limit)] == ids[:limit]


def test_a_query_scores_the_same_alone_and_in_a_batch(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    documents = [Document(f"d{i}", f"text {i}") for i in range(300)]
    with Library.open(tmp_path).writer(Context()) as writer:
        writer.add_space(SPACE)
        writer.put_documents(documents)
        passages = [p for document in documents for p in passages_of(document)]
        writer.put_passages(passages)
        writer.put_vectors(SPACE, passages, draw.standard_normal((300, 32)).astype(np.float32))
        writer.publish()
    library = Library.open(tmp_path)
    queries = draw.standard_normal((37, 32)).astype(np.float32)

    def ask(some: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> list[Ranked]:
        return library.nearest(
            some, 10, allowed=[Filter()] * len(some), encoder_digest=ENCODER.digest,
            principals=[None] * len(some),
        )  # fmt: skip

    assert ask(queries) == [ask(query[None])[0] for query in queries]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return publish(tmp_path_factory.mktemp("small"), [LEAVE, PAY])


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_any_text_is_a_query(small: Library, query: str) -> None:
    assert len(match(small, query)) <= 3


@pytest.mark.parametrize(
    "query",
    ['"leave', "leave OR (pay", "leave^3 title:pay*", "leave\x00", "\ud800 leave", " leave "],
)
def test_operators_are_plain_text(small: Library, query: str) -> None:
    assert LEAVE.id in {h[1] for h in match(small, query)}


def test_a_query_of_five_thousand_words_is_answered(small: Library) -> None:
    query = " ".join([*(f"word{i}" for i in range(4999)), "manager"])
    assert [h[0] for h in match(small, query)] == [passages_of(LEAVE)[1].id]


def test_a_word_that_stands_twice_in_a_query_counts_twice(small: Library) -> None:
    once, twice = match(small, "manager")[0][2], match(small, "Manager manager")[0][2]
    assert twice == pytest.approx(2 * once)
