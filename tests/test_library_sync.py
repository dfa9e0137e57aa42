"""The plan of a sync: nothing is removed but under a root that is named now."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graft.library.sync import Seen, plan

IDS = st.sampled_from([f"{letter}.md" for letter in "abcdef"])
ROOTS = st.sampled_from(["docs", "wiki", "mail"])
STORED = st.dictionaries(IDS, st.tuples(st.sampled_from("123"), ROOTS))
SEEN = st.lists(st.builds(Seen, IDS, st.sampled_from("123"), ROOTS))


def test_the_four_fates() -> None:
    stored = {"same": ("1", "docs"), "changed": ("1", "docs"), "gone": ("1", "docs")}
    seen = [Seen("new", "1", "docs"), Seen("same", "1", "docs"), Seen("changed", "2", "docs")]
    done = plan(stored, seen, roots={"docs"})
    assert (done.added, done.updated) == (("new",), ("changed",))
    assert (done.removed, done.unchanged, done.clashes) == (("gone",), ("same",), ())


def test_a_root_not_named_now_keeps_its_documents() -> None:
    stored = {"a": ("1", "docs"), "b": ("1", "wiki")}
    assert plan(stored, [], roots={"wiki"}).removed == ("b",)
    assert plan(stored, [], roots=set()).removed == ()


def test_what_could_not_be_read_now_stays() -> None:
    stored = {"a": ("1", "docs"), "b": ("1", "docs")}
    assert plan(stored, [], roots={"docs"}, unread={"a"}).removed == ("b",)


def test_an_id_of_another_root_is_not_taken_over() -> None:
    stored = {"README.md": ("1", "docs")}
    done = plan(stored, [Seen("README.md", "2", "wiki")], roots={"wiki"})
    assert done.clashes == (("README.md", "docs", "wiki"),)
    assert not (done.added or done.updated or done.removed)


def test_a_document_that_moved_between_roots_named_now_is_updated() -> None:
    done = plan({"a": ("1", "docs")}, [Seen("a", "1", "wiki")], roots={"docs", "wiki"})
    assert (done.updated, done.removed) == (("a",), ())


def test_an_id_seen_twice_is_told_and_the_first_stays() -> None:
    done = plan({}, [Seen("a", "1", "docs"), Seen("a", "2", "wiki")], roots={"docs", "wiki"})
    assert (done.added, done.clashes) == (("a",), (("a", "docs", "wiki"),))


@given(STORED, SEEN, st.sets(ROOTS), st.sets(IDS))
def test_every_id_has_at_most_one_fate(
    stored: dict[str, tuple[str, str]], seen: list[Seen], roots: set[str], unread: set[str]
) -> None:
    seen = [item for item in seen if item.source in roots]
    done = plan(stored, seen, roots=roots, unread=unread)
    fates = [*done.added, *done.updated, *done.removed, *done.unchanged]
    assert len(fates) == len(set(fates))
    assert set(done.added).isdisjoint(stored)
    assert {*done.updated, *done.removed, *done.unchanged} <= stored.keys()
    assert all(stored[id][1] in roots and id not in unread for id in done.removed)
    assert {item.id for item in seen}.isdisjoint(done.removed)


@given(STORED, SEEN, st.sets(ROOTS))
def test_a_second_sync_changes_nothing(
    stored: dict[str, tuple[str, str]], seen: list[Seen], roots: set[str]
) -> None:
    seen = [item for item in seen if item.source in roots]
    done, after, owners = plan(stored, seen, roots=roots), dict(stored), dict[str, Seen]()
    for item in seen:
        owners.setdefault(item.id, item)
    for id in (*done.added, *done.updated):
        after[id] = (owners[id].fingerprint, owners[id].source)
    for id in done.removed:
        del after[id]
    again = plan(after, seen, roots=roots)
    assert (again.added, again.updated, again.removed) == ((), (), ())
