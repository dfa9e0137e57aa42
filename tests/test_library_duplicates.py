import random
import weakref
from collections.abc import Iterator

import pytest

from graft.library.duplicates import Group
from graft.library.duplicates import duplicate_groups as signed_groups
from graft.measures.similarity import signature


def duplicate_groups(items, threshold: float = 0.9) -> list[Group]:
    return signed_groups(((id, signature(text)) for id, text in items), threshold)


def _text(seed: int, length: int = 100) -> list[str]:
    draw = random.Random(seed)
    return [f"word{draw.randrange(5000)}" for _ in range(length)]


def _edited(words: list[str], place: int) -> str:
    return " ".join([*words[:place], "edited", *words[place + 1 :]])


def test_copies_that_differ_in_case_and_spaces_are_exact() -> None:
    items = [("a", "Leave days\ncarry over."), ("b", "other"), ("c", "leave  days carry OVER. ")]
    assert duplicate_groups(items) == [Group("exact", ("a", "c"), 1.0)]


def test_changed_punctuation_makes_a_near_duplicate() -> None:
    items = [("a", "Leave days carry over."), ("b", "Leave days carry over!")]
    assert duplicate_groups(items) == [Group("near", ("a", "b"), 1.0)]


def test_a_near_group_holds_the_exact_copies_too() -> None:
    words = _text(1)
    items = [("x", _edited(words, 50)), ("a", " ".join(words)), ("b", " ".join(words))]
    (group,) = duplicate_groups(items)
    assert (group.kind, group.ids) == ("near", ("x", "a", "b"))
    assert group.similarity == pytest.approx(95 / 101)


def test_groups_are_closed_under_links() -> None:
    base = _text(2, 200)
    one = [*base[:20], "x", *base[21:]]
    two = [*one[:100], "y", *one[101:]]
    three = [*two[:180], "z", *two[181:]]
    chain = [base, one, two, three]
    items = [(str(i), " ".join(words)) for i, words in enumerate(chain)]
    (group,) = duplicate_groups(items, threshold=0.95)
    assert group.ids == ("0", "1", "2", "3")
    assert group.similarity == pytest.approx(195 / 201)


def test_different_texts_are_in_no_group() -> None:
    items = [(str(i), " ".join(_text(i))) for i in range(50)]
    assert duplicate_groups(items) == []


def test_empty_texts_are_no_duplicates() -> None:
    assert duplicate_groups([("a", ""), ("b", " \n"), ("c", "!"), ("d", "?")]) == []


def test_the_order_of_the_items_changes_no_group() -> None:
    items = [(str(i), " ".join(_text(i))) for i in range(30)]
    items += [(f"copy{i}", _edited(_text(i), 40 + i)) for i in range(0, 30, 2)]
    expected = {frozenset(group.ids) for group in duplicate_groups(items)}
    random.Random(0).shuffle(items)
    assert {frozenset(group.ids) for group in duplicate_groups(items)} == expected
    assert len(expected) == 15


def test_many_copies_of_one_text_stay_linear() -> None:
    words = _text(7)
    items = [(str(i), f"{' '.join(words)} {i}") for i in range(500)]
    (group,) = duplicate_groups(items)
    assert len(group.ids) == 500


class Text(str):
    """A text whose end of life can be seen."""


def test_no_text_is_kept() -> None:
    alive: list[weakref.ref[Text]] = []

    def items() -> Iterator[tuple[str, str]]:
        for i in range(20):
            gone = [reference() is None for reference in alive[:-1]]
            assert all(gone)
            text = Text(" ".join(_text(i)))
            alive.append(weakref.ref(text))
            yield str(i), text
            del text

    assert duplicate_groups(items()) == []
    assert len(alive) == 20
