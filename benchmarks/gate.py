"""How often the gate errs, on differences drawn from distributions whose truth is known.

    python benchmarks/gate.py [--draws 5000] [--seed 0]

Each row is a shape of differences, alone a document, in documents of unequal size (geometric,
three questions on average) whose questions share their fate, or in documents of ten:

- dense: every question moves a little (normal, sd .33, a third of the variance by document);
- sparse: 8 % win or lose everything, the others are ties;
- losses: nothing but total losses, which is what a guard at its margin may look like;
- skewed: 5 % lose everything and all others gain a little, or the other way round;
- f1: 60 % ties, gains like a beta(1, 3), a few total losses;
- lost: a twentieth of the documents lose everything, the questions of the others move by
  themselves (normal, sd .2); it is drawn on documents of ten questions too.

"no gain" is how often a candidate is promoted whose improvement is exactly zero (its guard rises by
.2), "harm" how often one is promoted that improves (by .3) with one guard exactly at minus the
margin: both at the whole level of 2.5 %, which no look ever spends. "gain" is how often, at a first
look, one is promoted that is .10 better with two guards that are equal and differ on one question
in ten. "covers" is how often the 95 % interval of the improvement holds the truth. Last, the
candidate that invents: it answers what production declines, with text that nothing bears out.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graft.core.answer import Answer
from graft.core.case import Case
from graft.core.config import GateTable
from graft.core.example import Example, Gold, Kind
from graft.core.measure import measures_taken
from graft.evaluate.compare import Sampling
from graft.evaluate.gate import LEVEL, Terms, level_of, verdict_on
from graft.evaluate.result import Plan, summarise
from graft.evaluate.score import score
from graft.evaluate.tilting import Groups

MARGIN = GateTable().margin
Draw = NDArray[np.float64]
Shape = Callable[[np.random.Generator, float, NDArray[np.int64]], Draw]
"""Draws differences with a given mean, for questions whose documents are numbered."""


LAYOUTS = ("", "documents", "of ten")


def sizes(rng: np.random.Generator, n: int, layout: str) -> NDArray[np.int64]:
    if layout != "documents":
        each = 10 if layout else 1
        return np.full(n // each, each, dtype=np.int64)
    found: list[int] = []
    while sum(found) < n:
        found.append(min(int(rng.geometric(1 / 3)), n - sum(found)))
    return np.array(found)


def shared(rng: np.random.Generator, of: NDArray[np.int64]) -> Draw:
    """Return a uniform number a question, the same for all of one document."""
    return rng.random(int(of[-1]) + 1)[of]


def dense(rng: np.random.Generator, mean: float, of: NDArray[np.int64]) -> Draw:
    document = rng.normal(0, 0.19, int(of[-1]) + 1)[of]
    return np.clip(mean + document + rng.normal(0, 0.27, len(of)), -1, 1)


def sparse(rng: np.random.Generator, mean: float, of: NDArray[np.int64]) -> Draw:
    # Half of the questions share their document's fate.
    fate = np.where(rng.random(len(of)) < 0.5, shared(rng, of), rng.random(len(of)))
    lost, won = 0.04 - min(mean, 0.08) / 2, 0.04 + mean / 2
    if mean > 0.08:
        lost, won = 0.0, mean
    return np.where(fate < lost, -1.0, np.where(fate > 1 - won, 1.0, 0.0))


def losses(rng: np.random.Generator, mean: float, of: NDArray[np.int64]) -> Draw:
    return np.where(shared(rng, of) < -mean, -1.0, 0.0)


def skewed_down(rng: np.random.Generator, mean: float, of: NDArray[np.int64]) -> Draw:
    return np.where(shared(rng, of) < 0.05, -1.0, (mean + 0.05) / 0.95)


def skewed_up(rng: np.random.Generator, mean: float, of: NDArray[np.int64]) -> Draw:
    return np.where(shared(rng, of) < 0.05, 1.0, (mean - 0.05) / 0.95)


def f1(rng: np.random.Generator, mean: float, of: NDArray[np.int64]) -> Draw:
    lost = (0.25 - mean / 0.4) / 1.25
    moved = np.where(shared(rng, of) < lost, -1.0, rng.beta(1, 3, len(of)))
    return np.where(rng.random(len(of)) < 0.6, 0.0, moved)


def lost(rng: np.random.Generator, mean: float, of: NDArray[np.int64]) -> Draw:
    moved = (mean + 0.05) / 0.95 + rng.normal(0, 0.2, len(of))
    return np.where(shared(rng, of) < 0.05, -1.0, np.clip(moved, -1, 1))


SHAPES: dict[str, Shape] = {
    "dense": dense, "sparse": sparse, "losses": losses, "skewed down": skewed_down,
    "skewed up": skewed_up, "f1": f1, "lost": lost,
}  # fmt: skip


def grouped(values: Draw, of: NDArray[np.int64]) -> Groups:
    return Groups.of(values, of, (-1.0, 1.0))


def better(rng: np.random.Generator, mean: float, of: NDArray[np.int64]) -> Draw:
    return np.clip(mean + rng.normal(0, 0.1, len(of)), -1, 1)


def equal(rng: np.random.Generator, of: NDArray[np.int64]) -> Draw:
    moved = rng.random(len(of)) < 0.1
    return np.where(moved, rng.choice([-0.5, 0.5], len(of)), 0.0)


def promoted(improved: Groups, guards: list[Groups], level: float) -> bool:
    """Return what `graft.evaluate.gate.judge` comes to: its intervals end where these tests do."""
    held = all(guard.p_above(-MARGIN) < level for guard in guards)
    return held and improved.p_above(0.0) < level


def rates(shape: Shape, n: int, layout: str, draws: int, rng: np.random.Generator) -> list[float]:
    no_gain = harm = gain = covers = 0
    only_losses = shape is losses
    for _ in range(draws):
        counts = sizes(rng, n, layout)
        of = np.repeat(np.arange(len(counts)), counts)
        fine = grouped(better(rng, 0.2, of), of)
        if not only_losses:
            same = grouped(shape(rng, 0.0, of), of)
            no_gain += promoted(same, [fine], LEVEL)
            covers += same.p_equal(0.0) > 0.05
            if n == 300:
                guards = [grouped(equal(rng, of), of) for _ in range(2)]
                gain += promoted(grouped(shape(rng, 0.1, of), of), guards, level_of(1))
        at_margin = grouped(shape(rng, -MARGIN, of), of)
        harm += promoted(grouped(better(rng, 0.3, of), of), [fine, at_margin], LEVEL)
    nan = math.nan
    found = [no_gain / draws, harm / draws, gain / draws if n == 300 else nan, covers / draws]
    return [nan, found[1], nan, nan] if only_losses else found


def inventing(rng: np.random.Generator, documents: int = 100) -> str:
    """Return the verdict on a candidate that answers what production declines, with inventions."""
    gate, before, after = GateTable(), [], []
    for i in range(documents):
        answerable = bool(rng.random() >= 0.05)
        gold = (Gold(f"d{i}"),) if answerable else ()
        kind: Kind = "extractive" if answerable else "unanswerable"
        example = Example(f"e{i}", f"Which is number {i}?", (f"word{i}",) if answerable else (),
                          gold=gold, kind=kind, group=f"d{i}")  # fmt: skip
        known = answerable and i % 2 == 0
        right = Answer("q", f"word{i}", support=float(rng.beta(18, 2)))
        declined = Answer("q", "The passages do not say.", declined=True)
        made_up = f"word{i}" if rng.random() < 0.3 else "something else"
        invented = Answer("q", made_up, support=float(rng.beta(2, 8)))
        ranked = {"ranking": (f"d{i}",), "judged": {f"d{i}": 1} if answerable else {}}
        before.append(Case(example, right if known else declined, **ranked))
        after.append(Case(example, right if known else invented, **ranked))
    taken = measures_taken(gate.measures)
    systems = [score("now", before, taken), score("new", after, taken)]
    plan = Plan(pairs=(("now", "new"),), measures=gate.measures)
    table = summarise(systems, plan, Sampling())
    terms = Terms(gate.improve, gate.guarded, gate.margin, "test-new", ("now", "new"))
    return verdict_on(terms, {"test-new": table}).outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    error = math.sqrt(LEVEL * (1 - LEVEL) / given.draws)
    print(f"{given.draws} draws; 2.5 % and three standard errors: {LEVEL + 3 * error:.4f}")
    print(f"{'differences':24} {'n':>4} {'no gain':>8} {'harm':>8} {'gain':>8} {'covers':>8}")
    for name, shape in SHAPES.items():
        for layout in LAYOUTS:
            for n in (30, 100, 300):
                found = rates(shape, n, layout, given.draws, rng)
                cells = " ".join(f"{'' if math.isnan(x) else f'{x:.4f}':>8}" for x in found)
                print(f"{f'{name}, {layout}'.strip(', '):24} {n:4} {cells}", flush=True)
    told = [inventing(rng) for _ in range(min(given.draws, 50))]
    print("inventing:", ", ".join(f"{told.count(x)} {x}" for x in dict.fromkeys(told)))


if __name__ == "__main__":
    main()
