"""Questions: which ones are asked, and that nothing was trained on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.errors import InputError, LeakError, NotFound
from graft.core.example import Example, Split
from graft.core.files import RUNS
from graft.core.runs import Run, ancestors
from graft.examples.formats import sample
from graft.examples.repeats import repeats
from graft.examples.store import ExampleSet
from graft.loop.parts import run_named, runs_of
from graft.loop.sets import load_examples
from graft.wire import Wiring

TEST_SPLITS: tuple[Split, ...] = ("test-new", "test-seen")


def asked_of(
    workspace: Wiring, found: ExampleSet, limit: int, ctx: Context
) -> dict[str, list[Example]]:
    """Return the questions of each test split that has any: a sample by the seed, where limited.

    Raises InputError when there is none.
    """
    most = limit or workspace.config.evaluate.limit
    asked: dict[str, list[Example]] = {
        split: sample(found.split(split), most, ctx.seed) for split in TEST_SPLITS
    }
    asked = {split: chosen for split, chosen in asked.items() if chosen}
    if not asked:
        raise InputError(
            f"example set {found.id} has no test questions: build it from more documents, or "
            "import some"
        )
    return asked


def check_unseen(
    workspace: Wiring,
    settings: Settings,
    runs: Iterable[Run],
    asked: Sequence[Example],
    ctx: Context,
) -> None:
    """Raise LeakError when a run, or one that the settings name, was trained on what is asked.

    Questions on documents that a run was shown are counted in a note: they are no leak, but they
    tell nothing about new documents.
    """
    layout = workspace.layout
    behind = {run.id: run for run in runs}
    for id in ancestors(layout.runs, [*behind, *runs_of(settings)]):
        if id not in behind:
            behind[id] = run_named(workspace, id)
    learned: set[str] = set()
    for run in behind.values():
        learned |= set(workspace.ledger.documents_of_run(run.id))
        try:
            found = load_examples(workspace, run.recipe.data)
        except NotFound:
            ctx.warn("evaluate", f"the examples of {RUNS}{run.id} are gone: leaks are not seen")
            continue
        for leak in repeats((*found.split("train"), *found.split("dev")), asked):
            own, other = leak.example, leak.other
            raise LeakError(
                f"{RUNS}{run.id} was trained on {own.question!r} ({own.id}), which is "
                f"{other.question!r} ({other.id}) of the questions asked (similarity "
                f"{leak.similarity:.2f}): evaluate on others, or tune without it: "
                "`graft examples import --apart-from`"
            )
    seen = sum(any(g.document_id in learned for g in e.gold) for e in asked)
    if seen:
        ctx.note("evaluate", f"{seen} of {len(asked)} questions are on documents shown in training")
