"""Cells: each generator sees the context it should, and what was not run is not shown."""

from __future__ import annotations

import math

from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.example import Example, Gold
from graft.core.search import Hit
from graft.evaluate.cells import CELLS, run_cells
from graft.evaluate.retrieval import rank_documents, score_rankings

EXAMPLES = [Example(f"e{i}", f"q{i}", ("yes",), (Gold("d"),), group=f"d{i}") for i in range(3)]
PASSAGE = Passage("p", "d", 0, 3, "yes", "s")


def test_every_cell_is_shown_its_own_context_and_scored():
    seen = {}

    def responder(name):
        def respond(searches, contexts):
            shown = None if contexts is None else [len(c) for c in contexts]
            seen.setdefault(name, []).append(shown)
            return [Answer(s.query, "yes", support=1.0) for s in searches]

        return respond

    contexts = {
        "none": None, "retrieved": [[PASSAGE] * 3] * 3, "gold": [[PASSAGE]] * 3,
    }  # fmt: skip
    names = ("base", "few-shot", "closed", "raft")
    scored = run_cells(EXAMPLES, contexts, {name: responder(name) for name in names}, ctx=Context())
    assert [s.name for s in scored] == [cell.name for cell in CELLS]
    assert [s.name for s in scored][:4] == ["base", "rag", "ft", "rag+ft"]
    assert seen["base"] == [None, [3] * 3, [1] * 3] and seen["few-shot"] == [[3] * 3]
    by_name = {s.name: s for s in scored}
    assert by_name["rag"].values["support"].tolist() == [1.0] * 3
    assert math.isnan(by_name["ft"].values["support"][0])
    assert by_name["ft"].values["token_f1"].tolist() == [1.0] * 3


def test_cells_without_a_tuned_generator_are_left_out():
    scored = run_cells(
        EXAMPLES, {"none": None},
        {"base": lambda searches, _: [Answer(s.query, "no") for s in searches]}, ctx=Context(),
    )  # fmt: skip
    assert [s.name for s in scored] == ["base"]


def test_a_document_ranks_by_its_best_passage_and_nothing_found_scores_zero():
    hits = [Hit("p1", "a", 0.1), Hit("p2", "b", 0.9), Hit("p3", "a", 0.05)]
    assert [id for id, _ in rank_documents(hits)] == ["a", "b"]
    scored = score_rankings(
        "bm25", ["q1", "q2", "q3"], [rank_documents(hits), [], []],
        {"q1": {"b": 1}, "q2": {"b": 1}, "q3": {}},
    )  # fmt: skip
    mrr = scored.values["MRR@10"]
    assert mrr[0] == 0.5 and mrr[1] == 0.0 and math.isnan(mrr[2])
