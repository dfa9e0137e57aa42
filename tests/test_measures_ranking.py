import math
import subprocess
import sys

import pytest

from graft.core.case import Case
from graft.core.errors import ConfigError
from graft.core.example import Example
from graft.core.measure import measure_named
from graft.measures.ranking import ranking_scores

QRELS = {"q1": {"a": 2, "b": 1, "z": 0}, "q2": {"c": 1}}
RUN = {"q1": [("z", 3.0), ("a", 2.0), ("x", 1.0), ("b", 0.5)], "q2": [("x", 1.0)]}


def test_scores_equal_those_computed_by_hand() -> None:
    scores = ranking_scores(QRELS, RUN, ["nDCG@10", "nDCG@3", "MRR@10", "Recall@2", "MAP"])
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    gained = 2 / math.log2(3) + 1 / math.log2(5)
    assert scores["nDCG@10"]["q1"] == pytest.approx(gained / ideal, abs=1e-6)
    assert scores["nDCG@3"]["q1"] == pytest.approx((2 / math.log2(3)) / ideal, abs=1e-6)
    assert scores["MRR@10"]["q1"] == pytest.approx(1 / 2)
    assert scores["Recall@2"]["q1"] == pytest.approx(1 / 2)
    assert scores["MAP"]["q1"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert scores["nDCG@10"]["q2"] == 0.0


def test_a_query_without_a_run_scores_zero_and_counts() -> None:
    qrels = {"q1": {"a": 1}, "gone": {"a": 1}, "empty": {"a": 1}, "no gold": {}}
    scores = ranking_scores(qrels, {"q1": [("a", 1.0)], "empty": []}, ["MRR@10"])
    assert scores == {"MRR@10": {"q1": 1.0, "gone": 0.0, "empty": 0.0, "no gold": 0.0}}


def test_a_run_of_nothing_is_all_zeros() -> None:
    assert ranking_scores({"q": {"a": 1}}, {}, ["Recall@5"]) == {"Recall@5": {"q": 0.0}}


def test_a_query_that_was_not_judged_is_left_out() -> None:
    scores = ranking_scores({"q": {"a": 1}}, {"q": [("a", 1.0)], "other": [("a", 1.0)]}, ["MRR"])
    assert scores == {"MRR": {"q": 1.0}}


@pytest.mark.parametrize("hits", [["b", "a"], ["a", "b"]])
def test_equal_scores_are_ordered_by_document_id(hits: list[str]) -> None:
    run = {"q": [(id, 1.0) for id in hits]}
    assert ranking_scores({"q": {"b": 1}}, run, ["MRR@10"])["MRR@10"]["q"] == 0.5


def test_scores_that_float32_would_make_equal_keep_their_order() -> None:
    run = {"q": [("a", 1.0), ("b", 1.0 + 1e-12)]}
    assert ranking_scores({"q": {"b": 1}}, run, ["MRR@10"])["MRR@10"]["q"] == 1.0


def test_a_document_that_comes_twice_counts_once_where_it_stands_higher() -> None:
    run = {"q": [("x", 3.0), ("a", 2.0), ("a", 1.0), ("b", 0.5)]}
    scores = ranking_scores({"q": {"a": 1, "b": 1}}, run, ["Recall@3", "MRR@10"])
    assert (scores["Recall@3"]["q"], scores["MRR@10"]["q"]) == (1.0, 0.5)


def test_names_are_read_in_any_case() -> None:
    scores = ranking_scores({"q": {"a": 1}}, {"q": [("a", 1.0)]}, ["recall@10", "Recall@10"])
    assert scores == {"recall@10": {"q": 1.0}, "Recall@10": {"q": 1.0}}


@pytest.mark.parametrize(
    ("name", "said"),
    [("NDGC@10", "did you mean 'nDCG@10'"), ("Recall", "write 'Recall@10'"), ("MRR@0", "MRR@10")],
)
def test_an_unknown_measure_names_the_nearest(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ranking_scores({}, {}, [name])


def test_every_family_scores_what_it_says() -> None:
    example = Example("e", "?")
    case = Case(example, ranking=("x", "a", "b", "y"), judged={"a": 2, "b": 1, "c": 1})
    found = {
        name: measure_named(name).score([case])[0]
        for name in ("nDCG@4", "MRR@4", "Recall@2", "Precision@2", "MAP@4", "Success@1")
    }
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    gained = 2 / math.log2(3) + 1 / math.log2(4)
    assert found == pytest.approx(
        {
            "nDCG@4": gained / ideal, "MRR@4": 1 / 2, "Recall@2": 1 / 3, "Precision@2": 1 / 2,
            "MAP@4": (1 / 2 + 2 / 3) / 3, "Success@1": 0.0,
        }
    )  # fmt: skip


def test_a_measure_of_answers_is_none_of_rankings() -> None:
    with pytest.raises(ConfigError, match="'support' is no measure of rankings"):
        ranking_scores({}, {}, ["support"])


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, graft.measures.ranking; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
