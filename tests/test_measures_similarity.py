import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.measures.similarity import (
    PERMUTATIONS,
    SKETCH,
    Signatures,
    band_rows,
    jaccard,
    normalize_text,
    plain_words,
    shingles,
    signature,
)


def _text(seed: int, length: int = 120) -> list[str]:
    draw = random.Random(seed)
    return [f"word{draw.randrange(5000)}" for _ in range(length)]


def test_words_lose_case_and_punctuation_and_keep_ideographs_apart() -> None:
    assert plain_words("The CAT, (sat)!") == ["the", "cat", "sat"]
    assert plain_words("Straße １２") == ["strasse", "12"]
    assert plain_words("東京 is カナ") == ["東", "京", "is", "カ", "ナ"]
    assert plain_words("مرحبا بالعالم") == ["مرحبا", "بالعالم"]


def test_normalising_keeps_punctuation() -> None:
    assert normalize_text(" A,\n\tB ") == "a, b"


def test_shingles_of_a_short_text_are_one() -> None:
    assert shingles("One two") == {("one", "two")}
    assert shingles("!?") == set()


def test_jaccard_by_hand() -> None:
    assert jaccard({1, 2}, {2, 3, 4}) == 0.25
    assert jaccard(set(), {1}) == 0.0
    assert jaccard(set(), set()) == 1.0


@given(st.integers(0, 50), st.integers(3, 200), st.integers(3, 200))
def test_similarity_of_short_texts_is_the_true_jaccard(seed: int, cut: int, end: int) -> None:
    base = _text(seed, 220)
    left, right = " ".join(base[:cut]), " ".join(base[min(cut, end) // 2 : end + 3])
    signatures = Signatures()
    signatures.add(signature(left))
    signatures.add(signature(right))
    true = jaccard(shingles(left), shingles(right))
    assert signatures.similarity(0, 1) == pytest.approx(true)


def test_similarity_of_long_texts_stays_within_its_stated_error() -> None:
    misses = []
    for seed in range(30):
        base = _text(seed, 1500)
        draw = random.Random(seed + 1000)
        changed = [w if draw.random() > 0.02 else "changed" for w in base]
        left, right = " ".join(base), " ".join(changed)
        signatures = Signatures()
        signatures.add(signature(left))
        signatures.add(signature(right))
        misses.append(signatures.similarity(0, 1) - jaccard(shingles(left), shingles(right)))
    spread = (sum(miss**2 for miss in misses) / len(misses)) ** 0.5
    assert 0.005 < spread < 0.031


def test_a_fingerprint_does_not_grow_with_its_text() -> None:
    signatures = Signatures()
    signatures.add(signature(" ".join(_text(1, 20_000))))
    assert len(signatures._sketches[0]) == SKETCH
    assert signatures._sketches[0].base is None
    assert signatures._minima.shape == (64, PERMUTATIONS)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
def test_bands_miss_at_most_one_pair_in_a_thousand(threshold: float) -> None:
    rows = band_rows(threshold)
    missed = (1 - threshold**rows) ** (PERMUTATIONS // rows)
    assert missed <= 1e-3
    assert (1 - threshold ** (rows + 1)) ** (PERMUTATIONS // (rows + 1)) > 1e-3


def near(texts: Mapping[str, str], threshold: float) -> list[tuple[str, str, float]]:
    """Return the pairs of texts at least so similar, found as a user of signatures does."""
    signatures, ids = Signatures(), list(texts)
    for text in texts.values():
        signatures.add(signature(text))
    pairs = set()
    for members in signatures.buckets(threshold):
        for n, place in enumerate(members[:-1]):
            others = members[n + 1 :]
            likely = others[signatures.may_reach(threshold, others, place)]
            pairs |= {(int(place), int(other)) for other in likely}
    scored = [(ids[a], ids[b], signatures.similarity(a, b)) for a, b in sorted(pairs)]
    return [pair for pair in scored if pair[2] >= threshold]


def test_near_duplicates_are_found_and_others_are_not() -> None:
    items = {f"d{i}": " ".join(_text(i)) for i in range(60)}
    planted = []
    for i in range(0, 60, 3):
        changed = _text(i)
        changed[60] = "edited"  # three of 118 shingles differ: 115 / 121
        items[f"copy{i}"] = " ".join(changed)
        planted.append((f"d{i}", f"copy{i}"))
    found = near(items, 0.9)
    assert [(a, b) for a, b, _ in found] == planted
    assert all(score == pytest.approx(115 / 121) for *_, score in found)


def test_texts_below_the_threshold_are_not_reported() -> None:
    base = _text(3)
    items = {"a": " ".join(base), "b": " ".join(base[:100])}  # 98 / 118
    assert near(items, 0.85) == []
    assert len(near(items, 0.8)) == 1


def test_texts_without_words_are_similar_to_none() -> None:
    assert near({"a": "", "b": "", "c": "!!", "d": "!!"}, 0.5) == []


def test_signatures_are_the_same_in_every_process() -> None:
    signatures = Signatures()
    signatures.add(signature("one two three four"))
    assert signatures._sketches[0].tolist() == [11521677520317315083, 13491673036443996252]
