"""Answer measures: how near a text is to the accepted ones, in 0..1, the best of all counting.

Whether declining was right is not decided here: without accepted answers every score is 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graft.measures.tokens import answer_tokens, words_of_any_script
from graft.measures.words import fold, folded_words, is_negation, is_number


def normalize_answer(text: str) -> str:
    """Return the tokens of an answer in one line; see `tokens` for which they are.

    >>> normalize_answer("The  U.S. Congress!"), normalize_answer("a C++ (not C#) compiler")
    ('us congress', 'c++ not c# compiler')
    """
    return " ".join(answer_tokens(text))


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """Return 1.0 when the prediction has the tokens of an accepted answer, in their order.

    Follows the SQuAD script (arXiv:1606.05250), but for the signs and scripts that `tokens` names.

    >>> exact_match("the Seine.", ["Seine", "river Seine"]), exact_match("C++", ["C#"])
    (1.0, 0.0)
    """
    return float(answer_tokens(prediction) in _wanted(answers))


def token_f1(prediction: str, answers: Sequence[str]) -> float:
    """Return the best F1 over the bags of tokens (SQuAD, arXiv:1606.05250; see `tokens`).

    As in SQuAD 2, a blank prediction scores 1 against a blank answer and 0 against any other, and
    a blank answer counts only where all are.

    >>> round(token_f1("in the river Seine", ["Seine"]), 3), token_f1("", ["+="])
    (0.5, 0.0)
    """
    found = answer_tokens(prediction)
    return max((_bag_f1(found, wanted) for wanted in _wanted(answers)), default=0.0)


def is_answer(prediction: str, answers: Sequence[str]) -> bool:
    """Return whether a text gives one of the accepted answers.

    Its token F1 is half or more, which alone would take "North Korea" for "South Korea"; so all of
    an answer of up to four tokens has to be there, with no "or" beside it; a text has the numbers
    of an answer that has any, and no others; and one is negated if the other is.

    >>> is_answer("in the river Seine", ["Seine"]), is_answer("North Korea", ["South Korea"])
    (True, False)
    >>> is_answer("five days", ["5 days"]), is_answer("2017 2018 2019", ["2018"])
    (True, False)
    """
    return any(_gives(prediction, answer) for answer in answers)


def rouge_l(prediction: str, answers: Sequence[str]) -> float:
    """Return the best ROUGE-L: the F-measure of the longest common subsequence of words.

    Words are runs of letters and digits without case, not stemmed; precision and recall weigh the
    same (Lin 2004, aclanthology.org/W04-1013). Texts in ASCII score as with `rouge-score`, which
    drops all other letters; here those are letters too, and characters where there are no spaces.

    >>> round(rouge_l("police kill the gunman", ["police killed the gunman"]), 3)
    0.75
    """
    found = words_of_any_script(prediction)
    return max((_rouge_f(found, words_of_any_script(a)) for a in answers), default=0.0)


def _wanted(answers: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the tokens of each accepted answer; of blank ones only where there is no other."""
    wanted = [answer_tokens(answer) for answer in answers]
    return list(filter(None, wanted)) or wanted


RIGHT = 0.5
"""Token F1 from which a text may give an answer."""

SHORT = 4
"""Tokens up to which all of an answer has to be there."""


def _gives(prediction: str, answer: str) -> bool:
    found, wanted = answer_tokens(prediction), answer_tokens(answer)
    if exact := found == wanted:
        return exact
    numbers = _numbers(wanted)
    if numbers and numbers != _numbers(found):
        return False
    if _negated(prediction) != _negated(answer):
        return False
    if len(wanted) <= SHORT:
        lacking = Counter(map(fold, wanted)) - Counter(map(fold, found))
        if lacking or ("or" in found and "or" not in wanted):
            return False
    return _bag_f1([*map(fold, found)], [*map(fold, wanted)]) >= RIGHT


def _numbers(tokens: Sequence[str]) -> set[str]:
    """Return the numbers among tokens; "one" stands for too much else."""
    return {fold(token) for token in tokens if token != "one" and is_number(fold(token))}


def _negated(text: str) -> bool:
    return any(is_negation(written) for _, written in folded_words(text))


def _bag_f1(found: Sequence[str], wanted: Sequence[str]) -> float:
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
