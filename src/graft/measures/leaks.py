"""Leaks: questions of one side that stand, as they are or hardly changed, on the other."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from graft.measures.similarity import plain_words

THRESHOLD = 0.85
"""Jaccard similarity over words and word pairs from which two questions are near-copies.

In a question of n content words, one other word leaves (2n - 4) / (2n + 2) in common: below .85
up to 18 words, so a question about another thing is no leak. One word more at an end leaves
(2n - 1) / (2n + 1): at least .85 from 7 words on.
"""

_STOP_WORDS = """
a an the and or of in on at by for to as with into is are was were be been being am do does did done
doing has have had having it its this that these those there their they them he she his her him we
our us you your my me please also just then so exactly actually really
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that may come and go without making another question.

Question words, negations, comparisons, numbers and "from", "before", "after", "without" stay.
"""

QUESTION_WORDS = frozenset(["what", "which", "who", "whom", "whose", "when", "where", "why", "how"])
_NOT = re.compile(r"n['’]t\b", re.IGNORECASE)
# "I" asks nothing in "how do I", and all in "type I"
_PRONOUN = re.compile(
    r"\b(do|did|am|was|have|had|can|could|should|would|will|may|must|if|when|before|after) i\b",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"(?<!\w)([a-z])(\+\+|#)(?!\w)", re.IGNORECASE)
_SIGNS = {"++": "plusplus", "#": "sharp"}
_CLITIC = re.compile(r"['’](?:s|re|ve|ll|d|m)\b", re.IGNORECASE)


def content_words(text: str) -> tuple[str, ...]:
    """Return the words that make a question itself, plurals folded; all of them if few remain.

    >>> content_words("What're the cache's limits?")
    ('what', 'cache', 'limit')
    >>> content_words("What is C#?"), content_words("What is C?")
    (('what', 'csharp'), ('what', 'c'))
    """
    text = _SIGNED.sub(lambda name: name[1] + _SIGNS[name[2]], text)
    found = plain_words(_PRONOUN.sub(r"\1", _CLITIC.sub("", _NOT.sub(" not", text))))
    content = tuple(_singular(word) for word in found if word not in STOP_WORDS)
    if all(word in QUESTION_WORDS for word in content):
        return tuple(found)
    return content


def leaks(
    left: Iterable[tuple[str, str]],
    right: Iterable[tuple[str, str]],
    *,
    threshold: float = THRESHOLD,
) -> list[tuple[str, str, float]]:
    """Return (left id, right id, similarity) for every pair of equal texts and near-copies.

    Equal means the same content words in the same order, and has similarity 1; a near-copy has
    a Jaccard similarity of `threshold` or more over its content words and their pairs. The join
    is exact: rare words are indexed up to the prefix that a near-copy must share (All-Pairs,
    Bayardo et al. 2007), so that 20,000 by 20,000 questions take seconds. Pairs come in the
    order of the left items, then of the right ones. A text without words leaks nowhere.

    >>> leaks([("a", "Who wrote Emma?")], [("b", "who wrote 'Emma'"), ("c", "Who wrote Ulysses?")])
    [('a', 'b', 1.0)]
    """
    lefts, rights = _distinct(left), _distinct(right)
    found = [
        (left_place, right_place, score)
        for one, two, score in _join(list(lefts), list(rights), threshold)
        for left_place, _ in lefts[one]
        for right_place, _ in rights[two]
    ]
    left_ids = {place: id for items in lefts.values() for place, id in items}
    right_ids = {place: id for items in rights.values() for place, id in items}
    return [(left_ids[one], right_ids[two], score) for one, two, score in sorted(found)]


Features = frozenset[tuple[str, ...]]
_Places = dict[tuple[str, ...], list[tuple[int, str]]]


def _distinct(items: Iterable[tuple[str, str]]) -> _Places:
    """Return the (place, id) of the items of each sequence of content words."""
    found: _Places = defaultdict(list)
    for place, (id, text) in enumerate(items):
        content = content_words(text)
        if content:
            found[content].append((place, id))
    return found


def _join(
    lefts: Sequence[tuple[str, ...]], rights: Sequence[tuple[str, ...]], threshold: float
) -> Iterable[tuple[tuple[str, ...], tuple[str, ...], float]]:
    left_features = [_features(content) for content in lefts]
    right_features = [_features(content) for content in rights]
    common = Counter(f for features in (*left_features, *right_features) for f in features)
    index = defaultdict(list)
    for place, features in enumerate(right_features):
        for feature in _prefix(features, common, threshold):
            index[feature].append(place)
    for content, features in zip(lefts, left_features, strict=True):
        near = {p for f in _prefix(features, common, threshold) for p in index.get(f, ())}
        for place in near:
            other = right_features[place]
            if not threshold * len(features) <= len(other) <= len(features) / threshold:
                continue
            shared = len(features & other)
            score = shared / (len(features) + len(other) - shared)
            if score >= threshold:
                yield content, rights[place], score


def _features(content: tuple[str, ...]) -> Features:
    """Return a text's words and pairs of neighbours; repeated ones count once."""
    singles = {(word,) for word in content}
    return frozenset(singles | set(pairwise(content)))


def _prefix(
    features: Features, common: Mapping[tuple[str, ...], int], threshold: float
) -> list[tuple[str, ...]]:
    """Return the rarest features: a set that is near enough must share one of them."""
    kept = len(features) - math.ceil(threshold * len(features) - 1e-9) + 1
    return sorted(features, key=lambda feature: (common[feature], feature))[:kept]


def _singular(word: str) -> str:
    """Fold a plural (Harman's S-stemmer 1991, without exceptions)."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
