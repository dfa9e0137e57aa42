"""Cells: a run's name says what it is shown, and what each part adds is compared."""

from __future__ import annotations

import pytest

from graft.core.errors import InputError
from graft.evaluate.cells import Cell, cell_named, cells_of, pairs_of, plan_of


def names(*named: str) -> list[str]:
    return [cell.name for cell in cells_of(named)]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("ft", Cell("ft", "ft", "none")),
        ("rag+ft", Cell("rag+ft", "rag+ft", "retrieved")),
        ("ft/gold", Cell("ft/gold", "ft", "gold")),
        ("ft/retrieved", Cell("ft/retrieved", "ft", "retrieved")),
        ("rag+ft/none", Cell("rag+ft/none", "rag+ft", "none")),
        ("ft/none", Cell("ft", "ft", "none")),
        ("rag+ft/retrieved", Cell("rag+ft", "rag+ft", "retrieved")),
    ],
)
def test_the_name_of_a_cell_says_what_it_is_shown(name, cell):
    assert cell_named(name) == cell


def test_two_runs_give_nine_cells_and_the_control_the_four_that_are_asked_about_first():
    assert names("rag+ft", "ft") == [
        "base", "rag", "ft", "rag+ft", "rag+few-shot", "base/gold", "rag+ft/none", "rag+ft/gold",
        "ft/retrieved", "ft/gold",
    ]  # fmt: skip
    generators = {(cell.generator, cell.context) for cell in cells_of(["ft", "rag+ft"])}
    assert len(generators) == 10
    assert names() == ["base", "rag", "rag+few-shot", "base/gold"]


def test_a_cell_that_is_named_with_a_context_is_the_only_one_of_its_run():
    assert names("old/gold") == ["base", "rag", "old/gold", "rag+few-shot", "base/gold"]


@pytest.mark.parametrize(
    "name", ["base", "rag", "few-shot", "rag+few-shot", "base/none", "", "a b"]
)
def test_a_name_that_is_taken_or_none_is_refused(name):
    with pytest.raises(InputError, match=r"rag\+NAME"):
        cell_named(name)


def test_a_context_that_there_is_none_of_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'ft/gold'"):
        cell_named("ft/golden")


def test_each_part_is_held_against_what_it_is_added_to():
    assert pairs_of(cells_of(["ft", "rag+ft"])) == (
        ("base", "rag"), ("base", "ft"), ("rag", "rag+ft"), ("rag+few-shot", "rag+ft"),
        ("ft", "rag+ft"), ("ft/retrieved", "rag+ft"),
    )  # fmt: skip
    assert ("rag+old", "rag+new") in pairs_of(cells_of(["rag+old", "rag+new"]))
    assert pairs_of(cells_of([], few_shot=False)) == (("base", "rag"),)


def test_the_questions_shown_as_moved_are_between_rag_and_the_run_that_reads():
    plan = plan_of(cells_of(["ft", "rag+ft"]), "why")
    assert plan.changed == ("rag", "rag+ft") and plan.about == "why"
    assert plan.leading == ("base", "rag", "ft", "rag+ft")
    assert plan_of(cells_of(["ft"])).changed == ("base", "rag")
