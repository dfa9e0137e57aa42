"""Filters and principals: decided inside each leaf, before the limit, at every version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.document import Document, Passage, Span, passage_id
from graft.core.errors import NotFound
from graft.core.hashing import value_hash
from graft.core.protocols import Ranked
from graft.core.search import Filter
from graft.core.space import Space
from graft.core.where import parse_where
from graft.library.store import Library
from graft.library.visible import find_rows
from graft.testing.fakes import FakeEncoder, MemoryStore

ENCODER = FakeEncoder()
EVERYTHING = Filter()
SPACE = Space("paragraphs", ENCODER.name, ENCODER.digest, ENCODER.dimensions)
DOCUMENTS = [
    Document(
        f"{'hr' if i % 2 else 'it/50%_x'}/{i:02}.md", f"leave days of team {i}", f"T{i}",
        ("text/plain", "text/html")[i % 5 == 0],
        access=((), ("staff",), ("boss", "o'hara"))[i % 3],
        metadata={"year": str(2000 + i % 4), "lang=de": "ja"} if i % 4 else {},
    )
    for i in range(24)
]  # fmt: skip

WHERE = [
    "year >= 2001 and year < 2003", 'not year = "2001"', '"lang=de" = "ja"', "not has year",
    'id ~ "hr/*" or title = "T3"', 'media_type in ("text/html", "x") and year != 2002', "has title",
]  # fmt: skip


def whole(document: Document) -> Passage:
    span = (0, len(document.text))
    id = passage_id(document.id, document.text_hash, span, "paragraphs")
    return Passage(id, document.id, *span, document.text, "paragraphs", document.title)


def derived(id: str, *sources: str) -> Passage:
    made_from = tuple(Span(source, 0, 5) for source in sources)
    return Passage(id, DOCUMENTS[0].id, 0, 10, f"leave of {id}", "paragraphs", made_from=made_from)


DERIVED = [derived("d1", DOCUMENTS[1].id), derived("d2", DOCUMENTS[1].id, DOCUMENTS[2].id)]
"""Made from what staff may see, and from that and what the boss may see."""


def publish(
    folder: Path, documents: list[Document] = DOCUMENTS, more: Sequence[Passage] = ()
) -> Library:
    with Library.open(folder).writer(Context()) as writer:
        writer.add_space(SPACE)
        writer.put_documents(documents)
        passages = [*map(whole, documents), *more]
        writer.put_passages(passages)
        texts = [passage.indexed_text for passage in passages]
        writer.put_vectors(SPACE, passages, ENCODER.encode_passages(texts))
        writer.publish()
    return Library.open(folder)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return publish(tmp_path_factory.mktemp("library"), more=DERIVED)


def leaves(
    library: Library | MemoryStore, limit: int, allowed: Filter = EVERYTHING,
    who: frozenset[str] | None = None,
) -> tuple[Ranked, Ranked]:  # fmt: skip
    (dense,) = library.nearest(
        ENCODER.encode_queries(["leave team 3"]), limit, allowed=[allowed],
        encoder_digest=ENCODER.digest, principals=[who],
    )  # fmt: skip
    (lexical,) = library.match(["leave team 3"], limit, allowed=[allowed], principals=[who])
    return dense, lexical


@settings(deadline=None, max_examples=150)
@given(
    allowed=st.builds(
        Filter,
        document_ids=st.none() | st.frozensets(st.sampled_from([d.id for d in DOCUMENTS] + ["?"])),
        under=st.sampled_from(["", "hr/", "it/50%_", "it/50%_x/0", "h_/", "nothing"]),
        media_type=st.sampled_from(["", "text/html", "text/plain", "text/"]),
        metadata=st.sampled_from([(), (("year", "2001"),), (("lang=de", "ja"), ("year", "2002")),
                                  (("lang", "de=ja"),)]),
        where=st.none() | st.sampled_from(WHERE).map(parse_where),
    ),
    who=st.none() | st.frozensets(st.sampled_from(["staff", "boss", "o'hara", "nobody"])),
    limit=st.integers(1, 30),
)  # fmt: skip
def test_every_filter_means_what_it_means_in_memory(
    library: Library, allowed: Filter, who: frozenset[str] | None, limit: int
) -> None:
    plain = MemoryStore(DOCUMENTS, ENCODER, derived=DERIVED)
    dense, lexical = leaves(library, limit, allowed, who)
    wanted, everything = leaves(plain, limit, allowed, who)[0], leaves(plain, 99, allowed, who)[0]
    assert [(h[0], h[1]) for h in dense] == [(h[0], h[1]) for h in wanted]
    # BM25 weighs words otherwise than the fake does, but they all hold "leave".
    assert len(lexical) == len(wanted)
    assert {h[0] for h in lexical} <= {h[0] for h in everything}


def test_what_is_derived_is_seen_with_all_that_it_was_made_from(library: Library) -> None:
    plain = MemoryStore(DOCUMENTS, ENCODER, derived=DERIVED)
    for who, seen in (
        (None, {"d1", "d2"}), (frozenset({"staff"}), {"d1"}), (frozenset({"boss"}), set()),
        (frozenset({"staff", "boss"}), {"d1", "d2"}),
    ):  # fmt: skip
        for store in (plain, library):
            for ranked in leaves(store, 99, who=who):
                assert {hit[0] for hit in ranked} & {"d1", "d2"} == seen
    lost = MemoryStore(DOCUMENTS, ENCODER, derived=[derived("d3", "gone")])
    assert all("d3" not in {hit[0] for hit in ranked} for ranked in leaves(lost, 99))


def test_a_filter_is_asked_of_all_that_a_passage_was_made_from(library: Library) -> None:
    plain = MemoryStore(DOCUMENTS, ENCODER, derived=DERIVED)
    both = frozenset(DOCUMENTS[i].id for i in (0, 1))
    for allowed, seen in (
        (Filter(document_ids=both), {"d1"}),
        (Filter(document_ids=both | {DOCUMENTS[2].id}), {"d1", "d2"}),
        (Filter(where=parse_where(f'id = "{DOCUMENTS[0].id}"')), set()),
    ):
        for store in (plain, library):
            for ranked in leaves(store, 99, allowed):
                assert {hit[0] for hit in ranked} & {"d1", "d2"} == seen


def test_what_is_derived_goes_with_a_source_that_is_gone(tmp_path: Path) -> None:
    older = publish(tmp_path, more=DERIVED)
    with older.writer(Context()) as writer:
        writer.remove([DOCUMENTS[2].id])
        writer.publish()
    for library in (older, Library.open(tmp_path)):
        for ranked in leaves(library, 99):
            assert {hit[0] for hit in ranked} & {"d1", "d2"} == {"d1"}


def test_stop_words_are_those_that_the_library_was_made_with(tmp_path: Path) -> None:
    publish(tmp_path, [Document("a", "nothing")])
    (manifest,) = (tmp_path / "manifests").iterdir()
    other = json.loads(manifest.read_text()) | {"stop_words": ["leave"]}
    del other["digest"]
    manifest.write_text(json.dumps(other | {"digest": value_hash(other)}))
    library = publish(tmp_path, [Document("a", "the leave"), Document("b", "leave leave of days")])
    asked = {"allowed": [EVERYTHING], "principals": [None]}
    assert library.match(["leave"], 9, **asked) == [[]]
    assert [hit[1] for hit in library.match(["the leave"], 9, **asked)[0]] == ["a"]


def test_who_may_not_see_a_document_gets_as_many_others(library: Library) -> None:
    for everything, seen in zip(
        leaves(library, 8), leaves(library, 8, who=frozenset({"staff"})), strict=True
    ):
        assert len(everything) == len(seen) == 8
        hidden = {d.id for d in DOCUMENTS if d.access and "staff" not in d.access}
        assert hidden & {h[1] for h in everything}
        assert not hidden & {h[1] for h in seen}


def test_one_batch_may_hold_many_askers(library: Library) -> None:
    asked = [None, frozenset[str](), frozenset({"boss"}), None]
    filters = [Filter(), Filter(), Filter(under="hr/"), Filter(media_type="text/html")]
    together = library.match(["leave"] * 4, 9, allowed=filters, principals=asked)
    alone = [
        library.match(["leave"], 9, allowed=[filter], principals=[who])[0]
        for filter, who in zip(filters, asked, strict=True)
    ]
    assert together == alone
    assert len({len(ranked) for ranked in together} | {str(ranked) for ranked in together}) > 3


def test_access_changes_reach_readers_of_older_versions(tmp_path: Path) -> None:
    older, staff = publish(tmp_path), frozenset({"staff"})
    open_before = [h[1] for h in leaves(older, 99, who=staff)[1]]
    closed, opened = DOCUMENTS[0].id, DOCUMENTS[2].id
    assert closed in open_before and opened not in open_before
    with older.writer(Context()) as writer:
        writer.set_access({closed: ["boss"], opened: []})
        writer.publish()
    for library in (older, Library.open(tmp_path)):
        for ranked in leaves(library, 99, who=staff):
            found = {h[1] for h in ranked}
            assert closed not in found and opened in found
        assert library.document(closed).access == ("boss",)
    assert (older.version, Library.open(tmp_path).version) == (1, 2)
    assert Library.open(tmp_path).check() == []


def test_removals_reach_readers_of_older_versions(tmp_path: Path) -> None:
    older = publish(tmp_path)
    gone, changed = DOCUMENTS[1], DOCUMENTS[3]
    leaves(older, 5)
    with older.writer(Context()) as writer:
        writer.remove([gone.id])
        writer.publish()
    publish(tmp_path, [Document(changed.id, "something else")])
    for ranked in leaves(older, 99):
        assert gone.id not in {h[1] for h in ranked}
        assert len(ranked) == len(DOCUMENTS) - 1
    assert gone.id not in older.document_ids()
    assert gone.id not in {row.id for row in older.document_rows()}
    assert gone.id not in {p.document_id for p in older.iter_passages()}
    for ask in (lambda: older.document(gone.id), lambda: older.passages([whole(gone).id])):
        with pytest.raises(NotFound):
            ask()
    # What only changed stays as it was for this reader.
    assert older.document(changed.id).text == changed.text
    assert older.passages([whole(changed).id]) == [whole(changed)]


def test_ids_are_found_in_any_order_and_those_that_are_not_there_are_told() -> None:
    ids = pa.array(sorted(["a", "é", "🚲", "b/c", "ab"]))
    wanted = ["🚲", "a", "", "zz", "ab", "\udce9", "é", "a", "🚲🚲"]
    held = ids.to_pylist()
    assert find_rows(ids, wanted).tolist() == [held.index(i) if i in held else -1 for i in wanted]
    assert find_rows(ids, []).tolist() == []
    assert find_rows(ids[:0], ["a"]).tolist() == [-1]
