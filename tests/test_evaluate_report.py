"""The report holds what was measured, loads nothing from elsewhere, and escapes what it shows."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from graft.core.answer import Answer
from graft.core.case import Case
from graft.core.example import Example, Gold
from graft.core.measure import measures_taken
from graft.evaluate.about import About, Cost, LossCurve
from graft.evaluate.compare import Sampling
from graft.evaluate.draw import Axis, forest_axis
from graft.evaluate.gate import Terms, verdict_on
from graft.evaluate.report import render
from graft.evaluate.result import Plan, SplitResult, summarise
from graft.evaluate.score import score

EMPTY = About("e1", "Empty", "graft evaluate", 0.0, 1, Sampling(), {})


def sample_result() -> SplitResult:
    draw = np.random.default_rng(0)
    examples = [
        Example(
            f"e{i}", f"What is <b>{i}</b>?", (f"answer {i}",), (Gold(f"d{i // 2}"),),
            group=f"d{i // 2}",
        )
        for i in range(60)
    ]  # fmt: skip
    systems = []
    for name, skill in (("base", 0.1), ("rag", 0.4), ("ft", 0.15), ("rag+ft", 0.7)):
        right = draw.random(60) < skill
        answers = [
            Answer(
                "q", f"answer {i}" if ok else "<script>no</script>", support=float(draw.random())
            )
            for i, ok in enumerate(right)
        ]
        cases = [Case(e, a, seconds=0.1) for e, a in zip(examples, answers, strict=True)]
        systems.append(score(name, cases, measures_taken()))
    plan = Plan(
        "Documents never trained on.", (("base", "rag"), ("rag", "rag+ft"), ("base", "ft")),
        ("token_f1", "support"), ("rag", "rag+ft"), ("base", "rag"),
    )  # fmt: skip
    return summarise(systems, plan, Sampling())


def sample_page() -> str:
    results = {"New documents": sample_result()}
    terms = Terms(("token_f1",), ("support",), 0.2, "New documents", ("rag", "rag+ft"))
    curve = LossCurve("with passages", ((1, 3.0), (5, 2.0), (9, 1.4)), ((0, 2.9), (9, 1.6)))
    about = replace(
        EMPTY, title="Python's documentation", command="graft demo", terms=terms, curves=(curve,),
        dropped={"copied": 12}, kept={"train": 100}, makers={"reason": {"train": 41}},
        costs=(Cost("ingest", 12.0, 2**30, "139 documents"),),
        facts=(("Seconds until an edited fact is answered right", "RAG 2 s"),),
        lineage=(("run", "generator-20260101-abcdef"),),
    )  # fmt: skip
    return render(about, results, verdict_on(terms, results))


def test_the_page_shows_the_figures_and_stands_alone():
    page = sample_page()
    assert "Promote" in page and "rag+ft" in page and "copied" in page and "Most improved" in page
    assert "<td>reason</td><td>41</td>" in page
    assert not re.search(r"""(src|href)\s*=|@import|url\(""", page)
    assert page.count('<div class="dot') == 6


def test_answers_and_questions_cannot_become_markup():
    page = sample_page()
    assert "<script>" not in page and "&lt;script&gt;no&lt;/script&gt;" in page
    assert "What is &lt;b&gt;" in page


def test_an_axis_holds_every_interval_and_zero():
    axis = forest_axis([(0.12, 0.38), (0.2, 0.25)])
    assert axis.low == 0.0 and axis.high >= 0.38 and 0.0 in axis.ticks
    assert forest_axis([]).at(0.0) == 0.0
    assert Axis(-1, 1, ()).at(5) == 100.0


def test_a_report_without_a_verdict_or_training_is_still_a_page():
    assert "<h1>Empty</h1>" in render(EMPTY, {})
