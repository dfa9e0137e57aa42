"""Questions: which ones are asked, and that nothing was trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.errors import InputError, LeakError, NotFound
from graft.core.example import Example, Split
from graft.core.files import RUNS
from graft.core.hashing import text_hash
from graft.core.runs import Run, ancestors
from graft.evaluate.about import LeftOut
from graft.examples.meaning import Meaning
from graft.examples.repeats import repeats
from graft.examples.split import documents_of
from graft.examples.store import ExampleSet
from graft.loop.parts import run_named, runs_of
from graft.loop.sets import load_examples, meaning_of
from graft.wire import Wiring

TEST_SPLITS: tuple[Split, ...] = ("test-new", "test-seen")

MANY = 0.1
"""Share of a split's questions that may be left out of it; of more, nothing is asked.

A few repeats are chance: generic questions fit many documents. Where a tenth are, the test was
made of what was trained on, and what is left of it is a choice of questions by how unlike
training they are, so that its figures would stand for no questions that anybody asks."""

NAMED = 3
"""Pairs that a message names."""


@dataclass(frozen=True)
class Unseen:
    """Questions by split without those that a run was trained on, and these."""

    asked: dict[str, list[Example]]
    left_out: tuple[LeftOut, ...] = ()


def asked_of(found: ExampleSet, limit: int, ctx: Context) -> dict[str, list[Example]]:
    """Return the questions of each test split that has any: a sample by the seed, where limited.

    Raises InputError when there is none.
    """
    asked: dict[str, list[Example]] = {
        split: sampled(found.split(split), limit, ctx.seed) for split in TEST_SPLITS
    }
    asked = {split: chosen for split, chosen in asked.items() if chosen}
    if not asked:
        raise InputError(
            f"example set {found.id} has no test questions: build it from more documents, or "
            "import some"
        )
    return asked


def sampled(examples: Sequence[Example], limit: int, seed: int) -> list[Example]:
    """Return `limit` examples in their own order, chosen by the seed; 0 keeps them all.

    They are of as many documents as can be, since intervals are by documents, and as many of them
    have no answer as of all. A smaller sample lies within a larger one.

    >>> rows = [Example(f"{d}{i}", "?", group=str(d)) for d in range(5) for i in range(4)]
    >>> [len({e.group for e in sampled(rows, limit, 1)}) for limit in (3, 5, 8)]
    [3, 5, 5]
    """
    if not limit or limit >= len(examples):
        return list(examples)
    order: list[tuple[float, str]] = []
    for answerable in (True, False):
        turns: Counter[str] = Counter()
        places: list[tuple[int, str, str]] = []
        of_kind = [e for e in examples if e.answerable == answerable]
        for example in sorted(of_kind, key=lambda e: text_hash(f"{seed}:sample:{e.id}")):
            group = example.group or example.id
            places.append((turns[group], text_hash(f"{seed}:sample:{group}"), example.id))
            turns[group] += 1
        order += [((i + 0.5) / len(places), id) for i, (*_, id) in enumerate(sorted(places))]
    chosen = {id for _, id in sorted(order)[:limit]}
    return [example for example in examples if example.id in chosen]


def unseen(
    workspace: Wiring,
    settings: Settings,
    runs: Iterable[Run],
    asked: Mapping[str, Sequence[Example]],
    ctx: Context,
) -> Unseen:
    """Return the questions without those that a run, or one that the settings name, learned.

    Left out is what repeats a question of its train or dev, in the same words or in others. It is
    left out for every system, so that all are asked the same, and told in a note. Raises
    LeakError, naming the first pairs, where that is more than `MANY` of a split and more than one
    question, or all of it, or any with `evaluate.strict`.

    Questions on documents that a run was shown are counted in a note: they are no leak, but they
    tell nothing about new documents.
    """
    behind = {run.id: run for run in runs}
    for id in ancestors(workspace.layout.runs, [*behind, *runs_of(settings)]):
        if id not in behind:
            behind[id] = run_named(workspace, id)
    meaning = meaning_of(workspace, settings) if behind else None
    if meaning is not None and meaning.fitted is None:
        ctx.note(
            "evaluate",
            f"the encoder {settings.encoder.model!r} tells no paraphrases: whether a question was "
            "trained on is judged by its words alone",
        )
    leaks = _leaks(workspace, behind, asked, meaning, ctx)
    left = {
        split: [example for place, example in enumerate(chosen) if (split, place) not in leaks]
        for split, chosen in asked.items()
    }
    left_out = tuple(leaks.values())
    if left_out:
        _tell(workspace, asked, left_out, ctx)
    _tell_documents(workspace, behind, [e for chosen in left.values() for e in chosen], ctx)
    return Unseen(left, left_out)


def _leaks(
    workspace: Wiring,
    runs: Mapping[str, Run],
    asked: Mapping[str, Sequence[Example]],
    meaning: Meaning | None,
    ctx: Context,
) -> dict[tuple[str, int], LeftOut]:
    """Return what was trained on by split and place, in their order, each with one such run."""
    found: dict[tuple[str, int], LeftOut] = {}
    known: set[str] = set()
    for run in runs.values():
        if run.recipe.data in known:  # two runs of one set learned the same questions
            continue
        try:
            examples = load_examples(workspace, run.recipe.data)
        except NotFound:
            ctx.warn("evaluate", f"the examples of {RUNS}{run.id} are gone: leaks are not seen")
            continue
        known.add(run.recipe.data)
        learned = (*examples.split("train"), *examples.split("dev"))
        for split, chosen in asked.items():
            places = {id(example): place for place, example in enumerate(chosen)}
            for leak in repeats(learned, chosen, meaning):
                own, other = leak.example, leak.other
                left = LeftOut(
                    split=split, id=other.id, question=other.question, run=run.id,
                    trained_id=own.id, trained=own.question, similarity=round(leak.similarity, 3),
                    by=leak.by, documents=(*documents_of(other), *documents_of(own)),
                )  # fmt: skip
                found.setdefault((split, places[id(other)]), left)
    order = list(asked)
    return dict(sorted(found.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))


def _tell(
    workspace: Wiring,
    asked: Mapping[str, Sequence[Example]],
    left_out: Sequence[LeftOut],
    ctx: Context,
) -> None:
    """Note what is left out, or raise LeakError where it is too much."""
    told = "; ".join(
        f"{RUNS}{each.run} was trained on {each.trained!r} ({each.trained_id}), which is "
        f"{each.question!r} ({each.id}) of the questions asked (by {each.by}, "
        f"{each.similarity:.2f})"
        for each in left_out[:NAMED]
    )
    lost = [each.split for each in left_out]
    many = [
        f"{lost.count(split)} of {len(chosen)} questions of {split}"
        for split, chosen in asked.items()
        if split in lost
        and (lost.count(split) > max(1.0, MANY * len(chosen)) or lost.count(split) == len(chosen))
    ]
    if many or workspace.config.evaluate.strict:
        count = " and ".join(many) or f"{len(left_out)} of the questions asked"
        raise LeakError(
            f"{count} were trained on: {told}: evaluate on others, or tune without them: "
            "`graft examples import --apart-from`"
        )
    total = sum(map(len, asked.values()))
    ctx.note(
        "evaluate",
        f"{len(left_out)} of {total} questions are left out, as a run was trained on them: {told}",
        left_out=len(left_out),
    )


def _tell_documents(
    workspace: Wiring, runs: Iterable[str], asked: Sequence[Example], ctx: Context
) -> None:
    learned = {id for run in runs for id in workspace.ledger.documents_of_run(run)}
    seen = sum(any(g.document_id in learned for g in e.gold) for e in asked)
    if seen:
        ctx.note("evaluate", f"{seen} of {len(asked)} questions are on documents shown in training")
