"""Rows hold every case whole: what is read is what was written, and scores the same."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from graft.core.answer import Answer, Citation
from graft.core.case import Case
from graft.core.example import Example, Gold
from graft.core.measure import measures_taken
from graft.core.search import Hit
from graft.evaluate.rows import from_table, same_questions, to_table
from graft.evaluate.score import Scored, score

EXAMPLE = Example(
    "e1", "How many?", ("five", "5"), (Gold("a.md", "h", 3, 9, grade=2), Gold("b.md")), "free",
    "made", "test-new", "a.md", ({"role": "user", "content": "Of leave?"},), ("six",), ("hr",),
    {"topic": "leave"},
)  # fmt: skip
ANSWER = Answer(
    "How many?", "Five days.", citations=(Citation(0, 4, "a.md", "p1", 3, 8, "five ", 0.5),),
    unsupported=((5, 9),), support=0.5, hits=(Hit("p1", "a.md", 0.0),), prompt_hash="abc",
    prompt_tokens=40, new_tokens=3, seed=2, release="3", library_version=7,
    finish_reason="length", replayable=False,
)  # fmt: skip
CASES = (
    Case(EXAMPLE, ANSWER, ("p1", "p2"), {"p1": 2, "b.md": 1}, seconds=0.25),
    Case(Example("e2", "Who?", kind="unanswerable"), Answer("Who?", "", error="no reply")),
    Case(Example("e3", "Where?"), Answer("Where?", "No.", declined=True), closed=True),
)


def test_cases_come_back_as_they_were():
    ranked = tuple(Case(c.example, ranking=()) for c in CASES)
    splits = {"new": [Scored("rag", {}, CASES), Scored("bm25", {}, ranked)],
              "seen": [Scored("rag", {}, CASES[:1])]}  # fmt: skip
    back = from_table(to_table(splits))
    assert {split: [(s.name, s.cases) for s in found] for split, found in back.items()} == {
        split: [(s.name, s.cases) for s in found] for split, found in splits.items()
    }


def test_a_measure_that_was_not_taken_is_null_and_one_that_does_not_apply_nan():
    answered = score("rag", CASES, measures_taken())
    ranked = score("bm25", [Case(EXAMPLE, ranking=("p1",), judged={"p1": 1})], measures_taken())
    table = to_table({"new": [answered, ranked]})
    assert table["score:support"].to_pylist()[3] is None
    assert math.isnan(table["score:support"].to_pylist()[2])
    back = from_table(table)["new"]
    assert "support" not in back[1].values and list(back[0].values) == list(answered.values)
    for name, values in answered.values.items():
        np.testing.assert_array_equal(back[0].values[name], values)


def test_every_field_of_an_answer_is_kept_but_what_would_copy_documents_or_prompts():
    kept = set(to_table({"s": [Scored("a", {}, CASES)]}).column_names)
    named = {"text": "answer", "hits": "shown"}
    fields = {named.get(name, name) for name in vars(ANSWER)}
    assert fields - kept == {"prompt_ids", "thought"}


def test_scores_under_an_old_name_come_back_under_the_one_of_now():
    values = {"gold_cited": np.array([1.0, 0.0, np.nan]), "support": np.array([0.5, 0.1, np.nan])}
    table = to_table({"s": [Scored("rag", values, CASES)]})
    names = [n.replace("gold_cited", "citation_recall") for n in table.column_names]
    back = from_table(table.rename_columns(names))["s"][0].values
    assert list(back) == ["gold_cited", "support"]
    np.testing.assert_array_equal(back["gold_cited"], values["gold_cited"])
    both = table.append_column("score:citation_recall", pa.array([0.3] * 3))
    np.testing.assert_array_equal(from_table(both)["s"][0].values["gold_cited"], [1.0, 0.0, np.nan])


texts = st.text(max_size=8)


@given(st.lists(st.tuples(texts, texts, st.booleans(), st.floats(0, 1)), max_size=5))
def test_any_text_and_number_survives(rows):
    cases = tuple(
        Case(Example(f"e{i}", q, (a,)), Answer(q, a, declined=d, support=s), seconds=s)
        for i, (q, a, d, s) in enumerate(rows)
    )
    table = to_table({"s": [Scored("a", {}, cases)]})
    assert isinstance(table, pa.Table)
    assert [s.cases for s in from_table(table).get("s", [])] == ([cases] if cases else [])


def test_questions_that_two_were_asked_are_paired_in_the_order_of_one():
    pairs = same_questions(CASES[::-1], [CASES[0], CASES[2]])
    assert [(a.example.id, b.example.id) for a, b in pairs] == [("e3", "e3"), ("e1", "e1")]
