"""Test-new has what the gate needs, and one sentence says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graft.core.config import Config, load_config
from graft.core.example import Example, Gold, Kind, Split
from graft.evaluate.power import WORTH, power, questions_for
from graft.examples.elsewhere import ELSEWHERE
from graft.examples.split import Assigned, Shares, assign
from graft.examples.vouched import PRODUCTION, VOUCHED, WORDS
from graft.loop.dealing import ENOUGH_OF_IT, LEAST, MOST, _trimmed, _why, _without, split_shares


def config(**values: str) -> Config:
    told = {key.replace("__", "."): value for key, value in values.items()}
    return load_config(flags=told, variables={})


def example(number: int, split: Split = "train", kind: Kind = "free", who: str = "") -> Example:
    document = f"d{number // 2}"
    gold = () if kind == "unanswerable" else (Gold(document),)
    told = {VOUCHED: who} if who else {}
    return Example(
        f"q{number}", f"{number}?", ("a",), gold, kind, "", split, document, metadata=told
    )


def test_a_share_that_is_named_is_the_share_and_none_is_what_the_gate_takes() -> None:
    assert split_shares(config(examples__test_new="0.4")) == Shares(0.15, 0.15, 0.4)
    wanted = split_shares(config()).wanted
    assert wanted is not None and wanted.most == MOST
    assert power(0, 0.05).unchanged == 85
    assert wanted.certifies([1] * 85) and not wanted.certifies([1] * 84)
    assert not wanted.certifies([1] * 85 + [20]), "a large group may be lost whole"
    assert wanted.questions == questions_for(WORTH) and wanted.per_group == 4
    finer = split_shares(config(gate__margin="0.01")).wanted
    assert finer is not None and not finer.certifies([1] * 85)
    assert split_shares(config(gate__split="test-seen")) == Shares(0.15, 0.15, LEAST)


def test_only_what_a_test_may_ask_and_rank_by_counts() -> None:
    wanted = split_shares(config()).wanted
    assert wanted is not None
    assert wanted.counts(example(0)) and wanted.counts(example(0, who=WORDS))
    assert not wanted.counts(example(0, who=PRODUCTION))
    assert not wanted.counts(example(0, kind="unanswerable"))
    doubting = split_shares(config(), {"q0"}).wanted
    assert doubting is not None and not doubting.counts(example(0)) and doubting.counts(example(1))


def test_no_group_of_test_new_is_asked_more_than_a_document() -> None:
    made = [replace(example(i, "test-new"), group="d0", origin="made") for i in range(5)]
    own = [replace(example(i, "test-new"), group="d1") for i in range(5, 10)]
    other = replace(example(10), group="d0", origin="made")
    found = _trimmed(Assigned((*made, *own, other), {}), 2)
    assert [e.id for e in found.examples] == ["q0", "q1", *(e.id for e in own), "q10"]
    assert found.dropped == {ENOUGH_OF_IT: ("q2", "q3", "q4")}


def test_what_another_passage_may_answer_is_asked_by_no_test_and_still_trains() -> None:
    splits: tuple[Split, ...] = ("train", "dev", "test-seen", "test-new", "test-new")
    dealt = Assigned(tuple(example(i, split) for i, split in enumerate(splits)), {"before": ("x",)})
    found = _without(dealt, {"q0", "q1", "q2", "q3"})
    assert [e.id for e in found.examples] == ["q0", "q1", "q4"]
    assert found.dropped == {"before": ("x",), ELSEWHERE: ("q2", "q3")}


@pytest.mark.parametrize(
    ("questions", "new", "told"),
    [
        (300, 74, "would certify none, so training keeps them"),
        (400, 200, "training keeps 50% of the documents"),
        (2000, 500, "a gain of 0.1 in the answer F1 226 questions on as many"),
    ],
)
def test_what_is_dealt_is_told_with_its_reason(questions: int, new: int, told: str) -> None:
    shares = split_shares(config())
    asked = [
        Example(f"q{i}", f"What is {i} {i * 7919} {i * 104729}?", ("a",), (Gold(f"d{i // 2}"),))
        for i in range(questions)
    ]
    dealt = assign(asked, shares=shares).examples
    assert sum(e.split == "test-new" for e in dealt) == new
    why = _why(dealt, shares, 0.05)
    assert f"keeps {new // 2} of {questions // 2} documents and asks {new}" in why
    assert f"about {new // 2} of them" in why
    assert why.endswith(told) or told in why
