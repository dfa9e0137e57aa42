"""Meaning: thresholds are fitted to an encoder, and what words tell apart stays apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graft.core.example import Example
from graft.examples import meaning as module
from graft.examples.meaning import Meaning, Thresholds, thresholds
from graft.examples.planted import DIFFERENT, SAME
from graft.examples.repeats import again, copies, repeating, repeats
from graft.examples.split import LEARNED_COPY, Shares, TrainedOn, assign
from graft.measures.sameness import told_apart

TALL = "How high is Mount Everest?"
HEIGHT = "What is the height of Mount Everest?"


def encode(texts: Sequence[str]) -> np.ndarray:
    """All questions are one to this encoder."""
    return np.full((len(texts), 4), 2.0, dtype=np.float32)


def blind(threshold: float = 0.9) -> Meaning:
    made = Meaning(encode)
    made.fitted = Thresholds(threshold, threshold)
    return made


def test_other_words_are_found_and_told_as_such() -> None:
    one, other = Example("a", TALL), Example("b", HEIGHT)
    (found,) = repeats([one], [other], blind())
    assert (found.by, found.example, found.other) == ("meaning", one, other)
    assert found.similarity == pytest.approx(1.0)
    assert repeats([one], [other]) == []
    assert repeating([one], [other], blind()) == {"a"}
    assert copies([one, other], blind()) == [["a", "b"]]


def test_the_same_words_are_told_by_words_and_once() -> None:
    found = repeats([Example("a", TALL)], [Example("b", TALL), Example("c", HEIGHT)], blind())
    assert [(r.other.id, r.by) for r in found] == [("b", "words"), ("c", "meaning")]


@pytest.mark.parametrize(
    "other", ["How high is Mount Elbrus?", "What is not the height of Mount Everest?"]
)
def test_names_and_negations_are_apart_whatever_the_cosine(other: str) -> None:
    assert blind().same([TALL], [other]) == []


def test_both_cosines_must_be_near() -> None:
    def framed(texts: Sequence[str]) -> np.ndarray:
        rows = {"How high is it": [0, 1], "What is the height of it": [1, 0]}
        return np.array([rows.get(text, [1, 0]) for text in texts], dtype=np.float32)

    made = Meaning(framed)
    made.fitted = Thresholds(0.5, 0.5)
    assert made.same([TALL], [HEIGHT]) == []
    made.fitted = Thresholds(0.5, 0.0)
    assert [pair[:2] for pair in made.same([TALL], [HEIGHT])] == [(0, 0)]


def test_a_block_at_a_time_is_the_same_and_each_text_is_encoded_once(monkeypatch) -> None:
    asked: list[str] = []

    def noted(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return encode(texts)

    lefts = [TALL, "Who wrote Emma?", HEIGHT]
    whole = blind().same(lefts, [HEIGHT, TALL])
    monkeypatch.setattr(module, "BLOCK", 1)
    made = Meaning(noted)
    made.fitted = Thresholds(0.9, 0.9)
    assert made.same(lefts, [HEIGHT, TALL]) == whole == made.same(lefts, [HEIGHT, TALL])
    assert [pair[:2] for pair in whole] == [(0, 0), (0, 1), (2, 0), (2, 1)]
    assert len(asked) == len(set(asked))


def test_an_encoder_that_tells_nothing_leaves_nothing_out() -> None:
    made = Meaning(encode)
    assert made.fitted is None and made.same([TALL], [HEIGHT]) == []
    assert thresholds(lambda texts: np.eye(len(texts), 512, dtype=np.float32)) is None


def test_thresholds_are_the_strictest_of_those_that_find_as_many() -> None:
    """Cosines of .8 for what is the same and of .5 for what is not."""
    same = [pair for pair in SAME if not told_apart(*pair)]
    turns = {two: 0.8 for _, two in same} | {two: 0.5 for _, two in DIFFERENT}

    def turned(texts: Sequence[str]) -> np.ndarray:
        cosines = [turns.get(text, 1.0) for text in texts]
        return np.array([[c, np.sqrt(1 - c * c)] for c in cosines], dtype=np.float32)

    assert thresholds(turned) == Thresholds(0.8, 0.8)


def test_a_split_keeps_other_words_of_one_question_on_one_side() -> None:
    examples = [
        Example(f"{word}{i}", f"{asked}, {i}?", group=f"{word}{i}.md")
        for i in range(8)
        for word, asked in (("a", "How high is the tower"), ("b", "What height has the tower"))
    ]
    for seed in range(20):
        made = assign(examples, shares=Shares(0, 0, 0.5), seed=seed, meaning=blind())
        sides = {e.id: e.split for e in made.examples}
        assert all(sides[f"a{i}"] == sides[f"b{i}"] for i in range(8))
    bare = [assign(examples, shares=Shares(0, 0, 0.5), seed=s) for s in range(20)]
    sides = {(s, e.id): e.split for s, made in enumerate(bare) for e in made.examples}
    assert any(sides[s, f"a{i}"] != sides[s, f"b{i}"] for s in range(20) for i in range(8))


def test_other_words_of_a_learned_question_are_asked_by_no_test() -> None:
    learned = TrainedOn(frozenset(), {TALL: "train"})
    examples = [Example("x", HEIGHT, group="x.md"), Example("y", "Who wrote it?", group="y.md")]
    shares = Shares(0, 0, 0.99)
    made = assign(examples, shares=shares, learned=learned, meaning=blind())
    split = {e.id: e.split for e in made.examples}
    assert split.get("x") == "train" or made.dropped == {LEARNED_COPY: ("x",)}
    assert again([HEIGHT], [TALL]) == set()


@pytest.mark.real
def test_the_starter_finds_most_paraphrases_and_few_others(tmp_path) -> None:
    from graft.wire import encoder, open_workspace

    workspace = open_workspace(tmp_path)
    made = Meaning(encoder(workspace, workspace.config.encoder).encode_queries)
    found = [bool(made.same([one], [two])) for one, two in SAME]
    taken = [bool(made.same([one], [two])) for one, two in DIFFERENT]
    assert sum(found) / len(found) > 0.55 and sum(taken) / len(taken) <= module.FALSE_ALARMS
