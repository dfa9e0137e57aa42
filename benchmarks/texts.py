"""How answers compare beside other scripts: `python benchmarks/texts.py FOLDER [--show N]`.

FOLDER holds `squadshifts-wiki` and `xquad`. Each accepted answer of a question is scored against
its other ones, and the first against that of the next question: printed is how many pairs score
otherwise than by SQuAD 2's script, and for which sign, with N of them. Then, a language of XQuAD:
how many tokens an answer has, how many answers are a single one, so that F1 is all or nothing, and
the F1 of an answer whose last third of characters is missing, each beside SQuAD's; then in how many
a paragraph holds its answer, by `examples.holding` and by the tokens of answers. Last, where the
package rouge-score is installed, the largest difference of ROUGE-L on the pairs in ASCII.
"""

from __future__ import annotations

import argparse
import json
import re
import string
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from graft.examples.holding import holds
from graft.measures.text import exact_match, rouge_l, token_f1
from graft.measures.tokens import answer_tokens


def squad_words(text: str) -> list[str]:
    """Return a text's words as SQuAD 2's script normalises it: case, punctuation, articles."""
    plain = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def squad_scores(prediction: str, answer: str) -> tuple[float, float]:
    """Return exact match and F1 as SQuAD 2's script has them for one accepted answer."""
    found, wanted = squad_words(prediction), squad_words(answer)
    exact = float(found == wanted)
    if not found or not wanted:
        return exact, exact
    shared = sum((Counter(found) & Counter(wanted)).values())
    return exact, 2 * shared / (len(found) + len(wanted))


REASONS = {
    "an amount's sign": r"[%$€£¥°]",
    "a sign between digits": r"\d[.,:'–-]\d",
    "a sign in or on a name": r"[+*/\\<>=~^@#|_]|\w\.\w|\b\w{1,2}-(?!\w)|(?<!\w)-\w",
    "a sign that ASCII has not": r"[^\x00-\x7f]",
}


def reason(*texts: str) -> str:
    """Return the first kind of sign that SQuAD drops, or keeps where we do not, in either text."""
    both = " ".join(texts)
    return next((name for name, sign in REASONS.items() if re.search(sign, both)), "articles alone")


def pairs(rows: Sequence[dict[str, list[str]]]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a question's answers, then of one question's with the next one's."""
    for row in rows:
        yield from combinations(dict.fromkeys(row["answers"]), 2)
    yield from ((one["answers"][0], two["answers"][0]) for one, two in pairwise(rows))


def read(path: Path) -> list[dict[str, list[str]]]:
    return [row for row in lines(path) if row["answers"]]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def against_squad(rows: list[dict[str, list[str]]], show: int) -> None:
    changed: dict[str, list[str]] = defaultdict(list)
    total = 0
    for one, two in pairs(rows):
        total += 1
        ours, theirs = (exact_match(one, [two]), token_f1(one, [two])), squad_scores(one, two)
        if any(abs(a - b) > 1e-12 for a, b in zip(ours, theirs, strict=True)):
            told = ", ".join(f"{a:.2f} -> {b:.2f}" for a, b in zip(theirs, ours, strict=True))
            changed[reason(one, two)].append(f"{told}  {one!r} {two!r}")
    print(
        f"{sum(map(len, changed.values()))} of {total} pairs score otherwise than by SQuAD's script"
    )
    for name, found in changed.items():
        print(f"  {len(found):5} {name}", *found[:show], sep="\n          ")


def by_language(rows: list[dict[str, list[str]]]) -> None:
    print("language  tokens  one alone  F1 of two thirds   (SQuAD -> here)")
    languages: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        languages[str(row["lang"])] += row["answers"]
    for language, texts in sorted(languages.items()):
        cut = [(text[: max(1, len(text) * 2 // 3)], text) for text in texts]
        counts = [[len(words(text)) for text in texts] for words in (squad_words, answer_tokens)]
        f1 = [
            mean([squad_scores(*pair)[1] for pair in cut]),
            mean([token_f1(one, [two]) for one, two in cut]),
        ]
        alone = [mean([float(count == 1) for count in found]) for found in counts]
        columns = ([mean(found) for found in counts], alone, f1)
        print(f"{language:8}", *(f"{a:6.2f} -> {b:5.2f}" for a, b in columns))


def held(folder: Path) -> None:
    print("language  answers held by their paragraph   (holds -> tokens)")
    texts = {row["_id"]: row["text"] for row in lines(folder / "corpus.jsonl")}
    judged = (folder / "qrels" / "dev.tsv").read_text(encoding="utf-8").splitlines()[1:]
    gold = dict(line.split("\t")[:2] for line in judged)
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for row in lines(folder / "answers.jsonl"):
        text = texts[gold[row["_id"]]]
        tokens = f" {' '.join(answer_tokens(text))} "
        found[row["lang"]] += [
            (holds(text, answer), f" {' '.join(answer_tokens(answer))} " in tokens)
            for answer in row["answers"]
        ]
    for language, both in sorted(found.items()):
        one, two = (mean([float(value) for value in values]) for values in zip(*both, strict=True))
        print(f"{language:8} {one:6.3f} -> {two:5.3f}")


def against_rouge(rows: list[dict[str, list[str]]]) -> None:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        return
    scorer = RougeScorer(["rougeL"])
    plain = [(one, two) for one, two in pairs(rows) if one.isascii() and two.isascii()]
    apart = [
        abs(rouge_l(one, [two]) - scorer.score(two, one)["rougeL"].fmeasure) for one, two in plain
    ]
    print(f"ROUGE-L of {len(plain)} pairs in ASCII: {max(apart):.1e} from rouge-score at most")


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", type=int, default=0, metavar="N")
    asked = parser.parse_args()
    english = read(asked.folder / "squadshifts-wiki" / "answers.jsonl")
    against_squad(english, asked.show)
    by_language(read(asked.folder / "xquad" / "answers.jsonl"))
    held(asked.folder / "xquad")
    against_rouge(english)


if __name__ == "__main__":
    main()
