"""Answer measures: how near a text is to the accepted ones, in 0..1, the best of all counting.

Whether declining was right is not decided here: without accepted answers every score is 0.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WORD = re.compile(r"\w+")


def normalize_answer(text: str) -> str:
    """Lower the case, drop ASCII punctuation and articles, and collapse spaces, as SQuAD does.

    >>> normalize_answer("The  U.S. Congress!")
    'us congress'
    """
    plain = text.lower().translate(_NO_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """Return 1.0 when the prediction equals an accepted answer after normalisation.

    Follows the SQuAD script (arXiv:1606.05250).

    >>> exact_match("the Seine.", ["Seine", "river Seine"])
    1.0
    """
    found = normalize_answer(prediction)
    return float(any(found == normalize_answer(answer) for answer in answers))


def token_f1(prediction: str, answers: Sequence[str]) -> float:
    """Return the best F1 over the bags of normalised words (SQuAD, arXiv:1606.05250).

    A prediction and an answer that are both empty after normalisation score 1, as in SQuAD 2.

    >>> round(token_f1("in the river Seine", ["Seine"]), 3)
    0.5
    """
    found = normalize_answer(prediction).split()
    return max((_bag_f1(found, normalize_answer(a).split()) for a in answers), default=0.0)


def rouge_l(prediction: str, answers: Sequence[str]) -> float:
    """Return the best ROUGE-L: the F-measure of the longest common subsequence of words.

    Words are runs of letters and digits in lower case, without stemming; precision and recall
    weigh the same (Lin 2004, aclanthology.org/W04-1013; `rouge-score` does so too).

    >>> round(rouge_l("police kill the gunman", ["police killed the gunman"]), 3)
    0.75
    """
    found = _WORD.findall(prediction.lower())
    return max((_rouge_f(found, _WORD.findall(a.lower())) for a in answers), default=0.0)


def _bag_f1(found: list[str], wanted: list[str]) -> float:
    if not found or not wanted:
        return float(found == wanted)
    shared = sum((Counter(found) & Counter(wanted)).values())
    return 2 * shared / (len(found) + len(wanted))


def _rouge_f(found: list[str], wanted: list[str]) -> float:
    if not found or not wanted:
        return 0.0
    return 2 * _common_subsequence(found, wanted) / (len(found) + len(wanted))


def _common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, a machine word of `left` at a time.

    Hyyrö's bit-parallel recurrence (2004): the zero bits of `row` count the matches.
    """
    places: dict[str, int] = {}
    for i, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << i
    full = (1 << len(left)) - 1
    row = full
    for word in right:
        hits = row & places.get(word, 0)
        row = ((row + hits) | (row - hits)) & full
    return len(left) - row.bit_count()
