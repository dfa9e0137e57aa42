"""Cell runs: which run of the generator stands behind each cell, named or found."""

from __future__ import annotations

from collections.abc import Mapping

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.errors import GraftError, InputError
from graft.core.files import RUNS
from graft.core.runs import Run
from graft.evaluate.cells import cell_named
from graft.loop.parts import require_fit, run_named
from graft.wire import Wiring

CELL_OF: Mapping[str, str] = {"closed-book": "ft", "raft": "rag+ft"}
"""The cell that the latest run of a role stands in where none is named."""


def cell_runs(
    workspace: Wiring,
    settings: Settings,
    named: Mapping[str, str],
    example_set: str,
    ctx: Context,
) -> dict[str, Run]:
    """Return the run of each cell that is named, or the latest that fit what is in use.

    The latest are those of one example set: the one given, or that of the newest run. They are
    read before anything is computed, so that a mistake costs no time. Raises InputError for a name
    that no cell can have, and for a named run of another part or another base model.
    """
    found = {}
    for cell, name in named.items():
        cell_named(cell)
        run = run_named(workspace, name)
        if run.part != "generator":
            raise InputError(
                f"run {run.id} tuned the {run.part}: a cell needs one of `graft tune generator`"
            )
        require_fit(workspace, settings, run)
        found[cell] = run
    found = found or _latest(workspace, settings, example_set, ctx)
    for cell, run in found.items():
        control = found.get(cell.removeprefix("rag+"))
        if control is not None and control is not run and cell.startswith("rag+"):
            _tell_unequal(control, run, ctx)
    return found


def _latest(
    workspace: Wiring, settings: Settings, example_set: str, ctx: Context
) -> dict[str, Run]:
    rows = [row for row in workspace.ledger.runs() if row["part"] == "generator"]
    asked = example_set or (rows[-1]["example_set"] if rows else "")
    found: dict[str, Run] = {}
    for row in reversed([row for row in rows if row["example_set"] == asked]):
        try:
            run = run_named(workspace, row["id"])
            cell = CELL_OF.get(run.role)
            if cell is None:
                ctx.note(
                    "evaluate",
                    f"{RUNS}{run.id} is left out, for no cell is its role's, {run.role!r}: "
                    f"name one, --cell NAME={run.id} without passages or --cell rag+NAME={run.id}",
                )
            elif cell not in found:
                require_fit(workspace, settings, run)
                found[cell] = run
        except GraftError as error:
            ctx.note("evaluate", f"{RUNS}{row['id']} is left out: {error}")
    return dict(sorted(found.items(), key=lambda item: list(CELL_OF.values()).index(item[0])))


def _tell_unequal(control: Run, run: Run, ctx: Context) -> None:
    """Warn where a control was not trained on the same examples for the same steps."""
    if control.recipe.data != run.recipe.data:
        ctx.warn("evaluate", f"{control.id} and {run.id} were trained on different example sets")
    steps = [each.counts.get("steps", 0) for each in (control, run)]
    if steps[0] != steps[1]:
        ctx.warn(
            "evaluate",
            f"{control.id} took {steps[0]} steps and {run.id} {steps[1]}: what the cells tell of "
            "passages in training is mixed with how long it was",
        )
