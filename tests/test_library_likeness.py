"""The copies of what was put are those that comparing all texts finds, whoever wrote them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.document import Document
from graft.library import likeness
from graft.library.duplicates import Group, duplicate_groups
from graft.library.rows import SIGNATURE
from graft.library.store import Library
from graft.measures.similarity import signature

pytestmark = pytest.mark.slow


def texts() -> dict[str, str]:
    """Sixty texts, some of them copies, near copies, near copies of these, long or empty."""
    draw, made = random.Random(4), {}
    for i in range(30):
        words = [f"word{draw.randrange(3000)}" for _ in range(draw.choice((3, 40, 120, 900)))]
        made[f"{i:02}"] = " ".join(words)
        if i % 3 == 0:
            made[f"{i:02} same"] = " ".join(words).upper()
        if i % 4 == 0 and len(words) > 100:
            for step in range(3):
                words[10 + 30 * step] = "edited"
                made[f"{i:02} near {step}"] = " ".join(words)
    return made | {"empty": "", "blank": " \n", "signs": "?!", "other signs": "?!"}


TEXTS = texts()


def publish(folder: Path, held: dict[str, str]) -> Library:
    with Library.open(folder).writer(Context()) as writer:
        writer.put_documents(Document(id, text) for id, text in held.items())
        writer.publish()
    return Library.open(folder)


def by_texts(held: dict[str, str], threshold: float) -> list[Group]:
    return duplicate_groups(((id, signature(held[id])) for id in sorted(held)), threshold)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return publish(tmp_path_factory.mktemp("library"), TEXTS)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.sampled_from(sorted(TEXTS)), max_size=5), st.sampled_from((0.5, 0.9, 0.97)))
def test_the_groups_of_some_are_those_of_all_that_hold_them(
    library: Library, among: set[str], threshold: float
) -> None:
    every = by_texts(TEXTS, threshold)
    assert library.duplicates(threshold) == every and len(every) > 8
    wanted = [group for group in every if among & set(group.ids)]
    assert library.duplicates(threshold, among=among) == wanted


def test_few_are_compared_alone_and_many_in_buckets(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    among = sorted(TEXTS)[:9]
    alone = library.duplicates(0.9, among)
    monkeypatch.setattr(likeness, "FEW", 8)
    assert library.duplicates(0.9, among) == alone and alone


def test_what_was_written_without_signatures_is_given_them_as_it_is_read(tmp_path: Path) -> None:
    first = dict(list(TEXTS.items())[:20])
    publish(tmp_path, first)
    with Library.open(tmp_path).writer(Context()) as writer:
        writer._tables["documents"].drop_columns(SIGNATURE)
        writer._changed.add("documents")
        writer.publish()
    assert Library.open(tmp_path).duplicates(0.9) == by_texts(first, 0.9)
    assert Library.open(tmp_path).check() == []
    later = publish(tmp_path, dict(list(TEXTS.items())[20:]))
    assert later.duplicates(0.9) == by_texts(TEXTS, 0.9)
    assert later.duplicates(0.9, ["00 same"]) == [
        group for group in by_texts(TEXTS, 0.9) if "00" in group.ids
    ]
    assert later.check() == []
    assert later._snapshot.documents.count_rows("plain IS NULL") == 0


def test_a_crowd_of_copies_costs_no_more_than_comparing_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"word{i}" for i in range(100)]
    held = {f"{i:03}": " ".join([*words[:-1], f"end{i}"]) for i in range(90)} | TEXTS
    library = publish(tmp_path, held)
    monkeypatch.setattr(likeness, "MOST", 40)
    among = ["050", "00 same"]
    wanted = [group for group in by_texts(held, 0.9) if set(among) & set(group.ids)]
    assert library.duplicates(0.9, among) == wanted and len(wanted[0].ids) + len(wanted[1].ids) > 90


def test_an_empty_library_has_none(tmp_path: Path) -> None:
    assert Library.open(tmp_path).duplicates(0.9) == []
