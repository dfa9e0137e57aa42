"""The gate refuses what is worse, what shows no gain, and what it cannot see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graft.core.answer import Answer
from graft.core.case import Case
from graft.core.config import GateTable
from graft.core.example import Example, Gold, Kind
from graft.core.measure import measure_named
from graft.evaluate.compare import Difference, Sampling, difference
from graft.evaluate.gate import LEVEL, Terms, judge, level_of, verdict_on
from graft.evaluate.result import Plan, summarise
from graft.evaluate.score import score


def d(measure: str, mean: float, low: float, high: float, *, small: bool = False) -> Difference:
    return Difference("now", "new", measure, mean, low, high, 0.01, 0.01, 100, 50, small)


GOOD, SAFE = d("answer_f1", 0.1, 0.05, 0.15), d("support", 0.0, -0.02, 0.02)


def terms(
    improve: tuple[str, ...], guard: tuple[str, ...], margin: float = 0.03, look: int = 0
) -> Terms:
    return Terms(improve, guard, margin, "test-new", ("now", "new"), look)


def verdict(*rows: Difference, margin: float = 0.03) -> str:
    found = judge(rows, terms(("answer_f1",), ("support",), margin))
    assert found.sentence and found.passed == (found.outcome == "promote")
    return found.outcome


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ((GOOD, SAFE), "promote"),
        ((d("answer_f1", 0.1, -0.01, 0.2), SAFE), "cannot tell"),
        ((d("answer_f1", 0.0, -0.02, 0.02), SAFE), "no gain"),
        ((d("answer_f1", 0.0, 0.0, 0.0), SAFE), "no gain"),
        ((d("answer_f1", -0.1, -0.2, -0.05), SAFE), "worse"),
        ((GOOD, d("support", -0.1, -0.15, -0.05)), "worse"),
        ((GOOD, d("support", -0.01, -0.05, 0.03)), "cannot tell"),
        ((GOOD, d("support", 0.02, -0.031, 0.2)), "cannot tell"),
        ((d("answer_f1", 0.1, 0.05, 0.15, small=True), SAFE), "cannot tell"),
        ((GOOD, d("support", 0.0, 0.0, 0.0, small=True)), "cannot tell"),
        ((GOOD,), "cannot tell"),
        ((SAFE,), "cannot tell"),
    ],
)
def test_outcomes(rows, outcome):
    assert verdict(*rows) == outcome


def test_a_blind_set_cannot_pass_the_guard():
    wide = d("support", 0.0, -0.4, 0.4)
    assert verdict(GOOD, wide) == "cannot tell"
    assert verdict(GOOD, wide, margin=0.5) == "promote"


def test_a_measure_where_lower_is_better_is_turned_round():
    fewer = judge([d("wrong_declines", -0.1, -0.15, -0.05)], terms(("wrong_declines",), ()))
    assert fewer.outcome == "promote"
    more = judge([d("wrong_declines", 0.1, 0.05, 0.15)], terms((), ("wrong_declines",)))
    assert more.outcome == "worse"


def test_all_looks_together_spend_no_more_than_the_level():
    spent = [level_of(look) for look in range(1, 20_000)]
    assert LEVEL * 0.999 < sum(spent) < LEVEL
    assert spent == sorted(spent, reverse=True)


def gain(look: int) -> str:
    generator = np.random.default_rng(3)
    a = generator.random(60)
    b = np.clip(a + 0.14 + generator.normal(0, 0.3, 60), 0, 1)
    held = difference(
        ("now", a), ("new", b), "answer_f1", groups=[str(i) for i in range(60)],
        sampling=Sampling(), bounds=(0.0, 1.0),
    )  # fmt: skip
    return judge([held], terms(("answer_f1",), (), look=look)).outcome


def test_what_passes_at_a_first_look_may_not_at_a_tenth():
    assert gain(1) == "promote"
    assert gain(10) == "cannot tell"


def test_pairs_that_shrink_are_told():
    row = replace(SAFE, n=45, n_a=90, n_b=50)
    found = judge([row], terms((), ("support",)))
    assert "n = 45 (of 90 and 50 that have a value" in found.findings[0].sentence


def answered(support: float, right: bool = True) -> Answer:
    return Answer("q", "five days" if right else "nine weeks", support=support)


def inventing(improve: tuple[str, ...], guard: tuple[str, ...]) -> str:
    """200 documents, 10 questions unanswerable: production answers half of what it can, and
    the candidate all, the rest without support and mostly wrong."""
    before, after = [], []
    for i in range(200):
        gold = (Gold(f"d{i}"),) if i >= 10 else ()
        kind: Kind = "extractive" if gold else "unanswerable"
        accepted = ("five days",) if gold else ()
        example = Example(f"e{i}", f"How long is {i}?", accepted, gold, kind, group=f"d{i}")
        ranked = {"ranking": (f"d{i}",), "judged": {f"d{i}": 1} if gold else {}}
        known = i >= 10 and i % 2 == 0
        declined = Answer("q", "I found no answer.", declined=True)
        before.append(Case(example, answered(0.9) if known else declined, **ranked))
        invented = answered(0.2, right=bool(gold) and i % 3 == 0)
        after.append(Case(example, answered(0.9) if known else invented, **ranked))
    measures = [measure_named(name) for name in (*improve, *guard)]
    systems = [score("now", before, measures), score("new", after, measures)]
    plan = Plan(pairs=(("now", "new"),), measures=(*improve, *guard))
    table = summarise(systems, plan, Sampling())
    return verdict_on(terms(improve, guard, 0.05), {"test-new": table}).outcome


def test_a_candidate_that_invents_is_never_promoted():
    gate = GateTable()
    assert inventing(gate.improve, gate.guarded) == "worse"
    # What let it in: declines have no support, so they dropped out of the pairs.
    assert inventing(("token_f1",), ("support", "Recall@10")) == "promote"
    assert inventing(("token_f1",), ("unsupported",)) == "worse"
    assert inventing(("token_f1",), ("utility@1",)) != "promote"


def test_the_utility_and_right_answers_are_guarded_whatever_else_is():
    assert GateTable(guard=()).guarded == ("utility@1", "right_answers")
    assert GateTable(guard=("nDCG@10",), wrong_costs=2.5).guarded == (
        "utility@2.5", "right_answers", "nDCG@10",
    )  # fmt: skip
    assert GateTable(improve=("utility@1.0",), guard=()).guarded == ("right_answers",)


def on(before: list[Answer], after: list[Answer], answerable: int) -> str:
    """The verdict by the defaults, on as many documents as answers, the first ones answerable."""
    sides = []
    for answers in (before, after):
        cases = []
        for i, answer in enumerate(answers):
            gold = (Gold(f"d{i}"),) if i < answerable else ()
            kind: Kind = "extractive" if gold else "unanswerable"
            accepted = ("five days",) if gold else ()
            example = Example(f"e{i}", f"How long is {i}?", accepted, gold, kind, group=f"d{i}")
            ranked = {"ranking": (f"d{i}",), "judged": {f"d{i}": 1} if gold else {}}
            cases.append(Case(example, answer, **ranked))
        sides.append(cases)
    gate = GateTable()
    taken = [measure_named(name) for name in gate.measures]
    systems = [score(*side, taken) for side in zip(("now", "new"), sides, strict=True)]
    plan = Plan(pairs=(("now", "new"),), measures=gate.measures)
    table = summarise(systems, plan, Sampling())
    return verdict_on(terms(gate.improve, gate.guarded, gate.margin), {"test-new": table}).outcome


DECLINED = Answer("q", "I found no answer.", declined=True)


def test_a_candidate_that_declines_everything_is_not_promoted():
    # Four of ten questions have no answer, and production gives one to all, a third of them right.
    before = [answered(0.9, right=i % 3 == 0) for i in range(300)]
    assert on(before, [DECLINED] * 300, answerable=180) == "worse"


def test_a_name_that_is_half_right_is_no_gain():
    before = [DECLINED if i % 2 else answered(0.9) for i in range(300)]
    nine = Answer("q", "nine days", support=0.9)
    assert on(before, [nine if a.declined else a for a in before], answerable=300) == "worse"
    five = [answered(0.9)] * 300
    assert on(before, five, answerable=300) == "promote"


def test_where_an_endpoint_failed_nothing_is_better():
    fine = [answered(0.9, right=i % 3 > 0) for i in range(300)]
    better = [answered(0.9)] * 300
    assert on(fine, better, answerable=300) == "promote"
    lost = Answer("q", "", error="the endpoint is gone", finish_reason="error")
    assert on([lost, *fine[1:]], better, answerable=300) == "cannot tell"
    assert on(fine, [lost, *better[1:]], answerable=300) == "cannot tell"


def test_a_clear_loss_of_utility_is_worse_however_small():
    small = d("utility@1", -0.02, -0.032, -0.012)
    found = judge([GOOD, small], terms(("answer_f1",), ("utility@1",), 0.05))
    assert found.outcome == "worse"
    # Another guard may lose less than the margin, and that is said.
    small = d("support", -0.02, -0.032, -0.012)
    found = judge([GOOD, small], terms(("answer_f1",), ("support",), 0.05))
    assert found.outcome == "promote" and "worse, but not by 0.05" in found.findings[1].sentence


def held_of(values: np.ndarray, of: np.ndarray, measure: str = "support") -> Difference:
    """The difference of values in [-1, 1] by documents."""
    bounds = measure_named(measure).bounds
    return difference(
        ("now", np.zeros(len(values))), ("new", values), measure, groups=[f"d{i}" for i in of],
        sampling=Sampling(), bounds=None if bounds is None else (-1.0, 1.0),
    )  # fmt: skip


def test_jitter_of_single_questions_is_no_proof_that_no_document_is_lost():
    """Thirty documents of ten questions: that none of them loses all happens one time in five
    where one in twenty does, however the questions of the others move."""
    draw = np.random.default_rng(0)
    of = np.repeat(np.arange(30), 10)
    for sd in (0.0, 0.02, 0.1, 0.3):
        moved = draw.normal(0, sd, 300) if sd else np.zeros(300)
        row = held_of(np.clip(moved - moved.mean(), -1, 1), of)
        assert judge([row], terms((), ("support",), 0.05)).outcome == "cannot tell", sd
    single = held_of(np.clip(draw.normal(0, 0.1, 300), -1, 1), np.arange(300))
    assert judge([single], terms((), ("support",), 0.05)).outcome == "promote"


def test_the_margin_is_a_share_of_a_measure_s_range():
    """A guard that nothing changes takes as many documents whatever its scores lie between."""
    for cost in (0.0, 1.0, 5.0):
        ties = np.zeros(90)
        row = difference(
            ("now", ties), ("new", ties), f"utility@{cost:g}", groups=[f"d{i}" for i in range(90)],
            sampling=Sampling(), bounds=(-cost, 1.0),
        )  # fmt: skip
        assert judge([row], terms((), (row.measure,), 0.05, look=1)).outcome == "promote", cost


def test_a_measure_without_bounds_shows_nothing():
    row = difference(
        ("now", np.zeros(20)), ("new", np.ones(20)), "support", groups=list(map(str, range(20))),
        sampling=Sampling(),
    )  # fmt: skip
    assert judge([row], terms(("support",), ())).outcome == "cannot tell"
    assert judge([row], terms((), ("support",))).outcome == "cannot tell"
