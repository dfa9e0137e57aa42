"""Support: how well a text bears out a sentence of an answer, and where it says so.

A lexical measure: how many of the sentence's words and word pairs stand together in the text, cut
down where a number stands with other words, a name is missing, or a negation or direction is on one
side only. It sees words, not what they mean. `benchmarks/support.py` says how far that goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from graft.measures.claim import SHORT, Claim, read_claim
from graft.measures.placing import is_placed, stands_anywhere
from graft.measures.source import SourceText, read_source
from graft.measures.words import DOWNWARD, UPWARD

WINDOW = 3
"""An answer of more than `SHORT` words may draw on so many neighbouring sentences."""
WORTH = 0.05
"""What one more sentence must add to the share of words found, to be quoted."""
ECHO = 0.25
"""Weight of a word that only repeats the question, beside one that answers it."""
PHRASING = 1 / 3
"""Weight of neighbouring word pairs found, beside that of single words found."""
SCATTERED = 0.75
"""Factor for a short answer whose words do not stand together."""
WRONG_NUMBER = 0.3
"""Factor for a number that the text does not hold."""
MISPLACED = 0.45
"""Factor for one that it holds of something else: too little to be cited."""
FLIPPED = 0.4
"""Factor for a negation or a direction (more, less) that only one side has."""
MISSING_NAME = 0.75
"""Factor for each capitalised word that the text does not hold, for two at most."""
NEARNESS = 20
"""Words at which a question's word counts half as near to the answer."""
TITLE_NEARNESS = 0.7
"""How near a question's word counts that stands in the title or headings."""


@dataclass(frozen=True)
class Evidence:
    """Where `text[start:end]` bears out a sentence, and how well.

    `match` says how far the text says what the sentence says, `relevance` how far the place
    where it does so deals with the question, `score` both together; all lie in 0..1.
    """

    score: float = 0.0
    start: int = 0
    end: int = 0
    match: float = 0.0
    relevance: float = 0.0


def support(sentence: str, text: str, *, question: str = "", context: str = "") -> Evidence:
    """Return how well a text bears out a sentence that answers the question, and where.

    A verbatim sentence scores 1 when no question is given; one with a number that the text does
    not hold at most 0.3, or holds of something else at most 0.45; one that shares no word 0.

    >>> text = "Staff get 30 days of leave. Five days carry over to the next year."
    >>> evidence = support("five days", text, question="How many leave days carry over?")
    >>> text[evidence.start : evidence.end]
    'Five days carry over to the next year.'
    >>> support("30 days carry over to the next year.", text).score < 0.5
    True
    """
    return find_evidence(sentence, read_source(text, context=context), question=question)


def find_evidence(sentence: str, source: SourceText, *, question: str = "") -> Evidence:
    """Return the best evidence for a sentence in a text that was read before.

    Short answers (up to five words) must stand in one piece; longer ones are held against one to
    three neighbouring sentences, by words and word pairs. The words of the question that the
    answer leaves out count by how near they stand to the evidence.
    """
    claim = read_claim(sentence, question)
    if not claim.content or not source.keys:
        return Evidence()
    places, match = (
        _find_bare(claim, source)
        if claim.bare
        else _find_piece(claim, source)
        if len(claim.keys) <= SHORT
        else _find_window(claim, source)
    )
    if not places:
        return Evidence()
    relevance, (first, last) = _most_relevant(claim, source, places)
    match *= _agreement(claim, source, (first, last))
    if _mixes_rows(claim, source, (first, last)):
        match *= MISPLACED
    if claim.echo:
        match *= FLIPPED
    if claim.bare:
        match = relevance
    start = source.spans[source.sentence_of[first]][0]
    end = source.spans[source.sentence_of[last - 1]][1]
    # The answer and what the question adds make one statement; each word of it counts the same.
    added = 0.0 if claim.bare else len(claim.asked) / (len(claim.asked) + len(claim.content))
    return Evidence(match * (1 - added + added * relevance), start, end, match, relevance)


_Range = tuple[int, int]
"""A half-open range of word positions in the source."""


def _find_bare(claim: Claim, source: SourceText) -> tuple[list[_Range], float]:
    """A bare yes or no says nothing of its own: look where the question is dealt with."""
    places, share = _fullest(claim.asked, source)
    return places[:1], 1.0 if share else 0.0


def _find_piece(claim: Claim, source: SourceText) -> tuple[list[_Range], float]:
    """All places where a short answer stands in one piece, or else in part."""
    size, content = len(claim.keys), set(claim.content)
    anchor = min(claim.content, key=lambda key: len(source.places.get(key, ())))
    found = []
    for place in source.places.get(anchor, ()):
        first, last = _sentence_range(source, (place, place + 1))
        span = range(max(first, place - size - 1), min(last, place + size + 2))
        where = [[i for i in source.places.get(key, ()) if i in span] for key in content]
        if all(where):
            held = sorted(i for places in where for i in places)
            found.append((held[0], held[-1] + 1))
    if found:
        return found, 1.0
    places, share = _fullest(claim.content, source)
    return places, SCATTERED * share


def _fullest(keys: tuple[str, ...], source: SourceText) -> tuple[list[_Range], float]:
    """The sentences that hold most of the words, and the share that they hold."""
    counts = [sum(_holds(source, key, scope) for key in keys) for scope in source.scopes]
    most = max(counts)
    places = [
        (source.firsts[i], source.firsts[i + 1])
        for i, count in enumerate(counts)
        if count == most > 0
    ]
    return places, most / max(1, len(keys))


def _find_window(claim: Claim, source: SourceText) -> tuple[list[_Range], float]:
    """The fewest neighbouring sentences that hold most of a longer sentence's words."""
    best, window = 0.0, (0, 0)
    masks = [source.where.get(key, 0) for key in claim.content]
    weights = [ECHO if key in claim.echoed else 1.0 for key in claim.content]
    titled = [
        weight if key in source.context else 0.0
        for key, weight in zip(claim.content, weights, strict=True)
    ]
    total = sum(weights)
    for size in range(1, WINDOW + 1):
        for first in range(max(1, len(source.spans) - size + 1)):
            bits = _bits(source, first, min(first + size, len(source.spans)))
            held = [mask & bits for mask in masks]
            if not any(held):
                continue
            found = (
                weight if inside else title
                for inside, weight, title in zip(held, weights, titled, strict=True)
            )
            share = sum(found) / total
            if share > best + (WORTH if size > 1 else 0.0):
                best, window = share, (first, min(first + size, len(source.spans)))
    if not best:
        return [], 0.0
    missing = sum(not _known(source, name) for name in claim.names)
    pairs = set(pairwise(claim.keys))
    phrased = len(pairs & source.pairs) / max(1, len(pairs))
    match = (1 - PHRASING) * best + PHRASING * phrased
    match *= MISSING_NAME ** min(2, missing)
    return [(source.firsts[window[0]], source.firsts[window[1]])], match


def _agreement(claim: Claim, source: SourceText, place: _Range) -> float:
    """The factor for numbers, negations and directions on which sentence and text differ."""
    factor = 1.0
    if not all(is_placed(stated, source) for stated in claim.stated):
        known = all(stands_anywhere(stated, source) for stated in claim.stated)
        factor *= MISPLACED if known else WRONG_NUMBER
    first, last = _sentence_range(source, place)
    negated = [i for i in source.negations if first <= i < last]
    if claim.negated:
        flipped = not negated
    elif claim.asked_negated or claim.bare:
        flipped = False
    else:
        flipped = any(_amid(claim, source, i) for i in negated)
    said, held = set(claim.content), set(source.keys[first:last])
    for one, other in ((UPWARD, DOWNWARD), (DOWNWARD, UPWARD)):
        if said & one and not said & other and held & other and not held & one:
            flipped = True
    return factor * (FLIPPED if flipped else 1.0)


def _mixes_rows(claim: Claim, source: SourceText, place: _Range) -> bool:
    """Whether a statement joins words of one row of a table with words of another."""
    first, last = source.sentence_of[place[0]], source.sentence_of[place[1] - 1] + 1
    table = source.tables[first]
    if not table or claim.bare:
        return False
    rows = [source.scopes[i] for i in range(first, last) if source.tables[i] == table]
    others = sum(1 << i for i, other in enumerate(source.tables) if other == table)
    for part in claim.parts:
        said = part - claim.echoed or part
        held = max(rows, key=lambda row: sum(_holds(source, key, row) for key in part))
        missing = [k for k in said if not _holds(source, k, held) and k not in source.context]
        if any(_holds(source, key, others) for key in missing):
            return True
    return False


def _amid(claim: Claim, source: SourceText, place: int) -> bool:
    """Whether a negation stands in the midst of matching words, and so turns them around."""
    around = source.keys[max(0, place - 2) : place + 4]
    return sum(key in claim.content for key in around) >= 2


def _most_relevant(
    claim: Claim, source: SourceText, places: Sequence[_Range]
) -> tuple[float, _Range]:
    """The place that deals most with the question, and how far.

    A heading names what stands under it ("## heapq.merge"), so it is taken together with the
    sentences there, as long as one more adds to it.
    """
    best, where = -1.0, (0, 0)
    for place in places:
        relevance, own = _relevance(claim, source, place), place
        under = source.headed[source.sentence_of[place[1] - 1]]
        for more in range(min(under, WINDOW - 1) if claim.asked else 0):
            longer = (place[0], source.firsts[source.sentence_of[place[1] - 1] + more + 2])
            found = _relevance(claim, source, longer)
            if found > relevance + WORTH:
                relevance, own = found, longer
        if relevance > best:
            best, where = relevance, own
    return best, where


def _relevance(claim: Claim, source: SourceText, place: _Range) -> float:
    """How far the words asked for stand near a place, and more there than elsewhere."""
    if not claim.asked:
        return 1.0
    rarity = {
        key: math.log(1 + len(source.spans) / (source.where.get(key, 0).bit_count() + 0.5))
        for key in claim.asked
    }

    def held(bits: int) -> float:
        return sum(rare for key, rare in rarity.items() if _holds(source, key, bits))

    near = sum(_nearness(source, key, place) * rare for key, rare in rarity.items())
    first, last = source.sentence_of[place[0]], source.sentence_of[place[1] - 1]
    here, most = held(_bits(source, first, last + 1)), max(map(held, source.scopes))
    against = min(1.0, here / most) if most else 0.0
    # squadshifts-wiki (train): ROC-AUC .792 so, .789 by the second alone, .677 by the first.
    relevance = 0.4 * near / sum(rarity.values()) + 0.6 * against
    start, end = _sentence_range(source, place)
    if claim.asked_negated and not any(start <= i < end for i in source.negations):
        relevance *= FLIPPED
    missing = sum(not _known(source, name) for name in claim.asked_names)
    return relevance * float(MISSING_NAME ** min(2, missing))


def _nearness(source: SourceText, key: str, place: _Range) -> float:
    title = TITLE_NEARNESS if key in source.context else 0.0
    if key not in source.places:
        return title
    away = min(max(0, place[0] - i, i - place[1] + 1) for i in source.places[key])
    return max(title, math.exp2(-away / NEARNESS))


def _bits(source: SourceText, first: int, last: int) -> int:
    """The sentences from `first` to before `last`, with those that layout adds to them."""
    bits = 0
    for scope in source.scopes[first:last]:
        bits |= scope
    return bits


def _sentence_range(source: SourceText, place: _Range) -> _Range:
    """The positions of all words of the sentences that a place touches."""
    first, last = source.sentence_of[place[0]], source.sentence_of[place[1] - 1]
    return source.firsts[first], source.firsts[last + 1]


def _holds(source: SourceText, key: str, bits: int) -> bool:
    return bool(source.where.get(key, 0) & bits)


def _known(source: SourceText, key: str) -> bool:
    return key in source.where or key in source.context
