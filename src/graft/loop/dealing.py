"""Dealing: which documents and questions train, and which are kept for tests, and why so many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from graft.core.config import Config, Settings
from graft.core.context import Context
from graft.core.errors import InputError, NotFound
from graft.core.example import Example, Split
from graft.core.files import RUNS
from graft.core.runs import ancestors, read_run
from graft.evaluate.power import WORTH, certifies, power, questions_for
from graft.examples.beir import splits as beir_splits
from graft.examples.elsewhere import ELSEWHERE
from graft.examples.formats import detect, import_examples
from graft.examples.meaning import Meaning
from graft.examples.repeats import repeating
from graft.examples.split import Assigned, Shares, TrainedOn, Wanted, assign, documents_of
from graft.examples.vouched import WORDS, fit_for_splits, vouched_for
from graft.library.store import Library
from graft.loop.parts import runs_of
from graft.loop.questions import TEST_SPLITS
from graft.loop.releases import settings_of
from graft.loop.sets import document_groups, load_examples, meaning_of
from graft.wire import Wiring

LEAST, MOST = 0.25, 0.5
"""Shares of documents that are kept for test-new: of them the least, and what training cedes."""

ENOUGH_OF_IT = "of test-new, and enough is asked about its documents and their copies"

DEV_COPY = "near-copy of a dev question"


@dataclass(frozen=True)
class Dealt:
    """Examples with their splits, how many were dropped by reason, and one sentence that says how
    many documents and questions test-new has, and why."""

    examples: tuple[Example, ...]
    dropped: Mapping[str, int]
    why: str


def learned_by(workspace: Wiring, settings: Settings, ctx: Context) -> TrainedOn:
    """Return what the runs that settings name, and those behind them, were trained on."""
    folder = workspace.layout.runs
    documents: set[str] = set()
    asked: dict[Split, set[str]] = {"dev": set(), "train": set()}
    for id in ancestors(folder, runs_of(settings)):
        documents |= workspace.ledger.documents_of_run(id).keys()
        try:
            found = load_examples(workspace, read_run(folder / id).recipe.data)
        except NotFound:
            ctx.warn(
                "examples",
                f"{RUNS}{id} or its examples are gone: a test may ask what it was trained on",
            )
            continue
        for split, questions in asked.items():
            questions |= {example.question for example in found.split(split)}
    # What was in both is in train: a later run may have trained on what an earlier one chose by.
    sides = {question: split for split in asked for question in sorted(asked[split])}
    return TrainedOn(frozenset(documents), sides)


def deal(
    workspace: Wiring, held: Library, examples: Sequence[Example], learned: TrainedOn, *,
    doubtful: Collection[str] = (), ctx: Context,
) -> Dealt:  # fmt: skip
    """Deal examples into all four splits, with nothing learned in a test.

    Each split keeps what those who vouch for a question allow in it, and no test one whose id is
    `doubtful`. How many documents test-new takes is what the gate needs (`split_shares`), and is
    told in a note.
    """
    shares = split_shares(workspace.config, doubtful)
    dealt = fit_for_splits(
        assign(
            examples,
            groups=document_groups(held, workspace.config.ingest.near_duplicate, examples),
            shares=shares,
            seed=ctx.seed,
            learned=learned,
            meaning=meaning_of(workspace, settings_of(workspace, None)[0]),
        )
    )
    dealt = _trimmed(_without(dealt, doubtful), workspace.config.examples.per_document)
    why = _why(dealt.examples, shares, workspace.config.gate.margin)
    ctx.note("examples", why)
    if learned.documents:
        ctx.note(
            "examples",
            f"the release in use was trained on {len(learned.documents)} documents: none of them "
            "is in test-new",
        )
        if not any(example.split == "test-new" for example in dealt.examples):
            ctx.warn(
                "examples",
                "no document is left for test-new: ingest some that the release in use was not "
                "trained on, or set gate.split to test-seen",
            )
    return Dealt(dealt.examples, {why: len(ids) for why, ids in dealt.dropped.items()}, why)


def _without(dealt: Assigned, doubtful: Collection[str]) -> Assigned:
    """Return what was dealt without the doubtful examples of a test."""
    lost = {e.id for e in dealt.examples if e.split in TEST_SPLITS and e.id in doubtful}
    return _dropped(dealt, lost, ELSEWHERE)


def _dropped(dealt: Assigned, lost: Collection[str], reason: str) -> Assigned:
    """Return what was dealt without some ids, which are told with their reason."""
    if not lost:
        return dealt
    kept = tuple(example for example in dealt.examples if example.id not in lost)
    return Assigned(kept, {**dealt.dropped, reason: tuple(sorted(lost))})


def _trimmed(dealt: Assigned, most: int) -> Assigned:
    """Return what was dealt with as many made questions of a group in test-new as of a document.

    Near-copies tie documents together. What is asked of one group shares its fate, so that more of
    it would weaken what the others certify.
    """
    asked, lost = Counter[str](), set[str]()
    for example in dealt.examples:
        if example.split == "test-new" and example.origin == "made":
            asked[example.group] += 1
            if asked[example.group] > most:
                lost.add(example.id)
    return _dropped(dealt, lost, ENOUGH_OF_IT)


def split_shares(config: Config, doubtful: Collection[str] = ()) -> Shares:
    """Return the shares that settings ask for; what is `doubtful` counts for no test.

    Where `examples.test_new` is 0, test-new takes what shows a gain worth having and lets a
    guard pass its margin, between a quarter and half of the documents. Where half is fewer than a
    guard takes at least, nothing could be promoted, and training keeps them.
    """
    table, gate = config.examples, config.gate
    if table.test_new:
        return Shares(table.dev, table.test_seen, table.test_new)
    if gate.split != "test-new":
        return Shares(table.dev, table.test_seen, LEAST)

    def counts(example: Example) -> bool:
        """Whether a test may ask it, and rankings are judged by it."""
        able = example.answerable and example.id not in doubtful
        return able and WORDS in vouched_for(example)

    enough = partial(certifies, margin=gate.margin)
    wanted = Wanted(questions_for(WORTH), enough, MOST, counts, table.per_document)
    return Shares(table.dev, table.test_seen, LEAST, wanted)


def _why(examples: Sequence[Example], shares: Shares, margin: float) -> str:
    """Return how many documents and questions test-new has, and why."""
    new = [example for example in examples if example.split == "test-new"]
    kept, of = (len({d for e in side for d in documents_of(e)}) for side in (new, examples))
    able = Counter(example.group for example in new if example.answerable)
    n, shown = able.total(), questions_for(WORTH)
    told = (
        f"test-new keeps {kept} of {of} documents and asks {n} answerable questions about "
        f"{len(able)} of them: a guard's margin takes {power(0, margin).unchanged} documents if no "
        f"question changes, and a gain of {WORTH:g} in the answer F1 {shown} questions on as many"
    )
    certified = certifies(list(able.values()), margin)
    if shares.wanted is None or (n >= shown and certified):
        return told
    if not certified:
        return (
            f"{told}; {shares.wanted.most:.0%} of the documents would certify none, so training "
            "keeps them: ask about more documents (examples.limit), or set a wider gate.margin"
        )
    return f"{told}; training keeps {1 - shares.wanted.most:.0%} of the documents"


def apart(
    examples: Sequence[Example],
    source: Path,
    others: Sequence[str],
    *,
    split: str,
    dropped: dict[str, int],
    meaning: Meaning | None,
) -> list[Example]:
    """Return the examples that neither stand in other splits or files nor hardly differ there.

    The examples of a split that is named are compared with the splits named before it alone.
    """
    if split and split in others:
        raise InputError(
            f"{split!r} is both the split to take in and one to keep apart from: name another "
            "split or file"
        )
    named = beir_splits(source) if detect(source) == "beir" else []
    lost: set[str] = set()
    kept: set[str] = set()
    for other in sorted(dict.fromkeys(others), key=lambda name: name not in named):
        if other in named:
            there = [e for e in import_examples(source, split=other) if e.id not in lost]
            kept |= {example.id for example in there}
        elif Path(other).exists():
            there = import_examples(Path(other))
        else:
            raise InputError(
                f"{other!r} is neither a split of {source} nor a file: name the questions that "
                "are kept for the test"
            )
        repeated = repeating((e for e in examples if e.id not in kept | lost), there, meaning)
        if repeated:
            dropped[f"stands in {other} too"] = len(repeated)
        lost |= repeated
    if len(lost) == len(examples):
        raise InputError(
            f"every question of {source} stands in {' or '.join(others)} too, so there is nothing "
            "to take in: name another split or file"
        )
    return [example for example in examples if example.id not in lost]


def with_dev(
    examples: Sequence[Example],
    clusters: Mapping[str, str],
    share: float,
    dropped: dict[str, int],
    ctx: Context,
) -> list[Example]:
    """Return the examples with a dev split dealt from train.

    Dev stands for what the test asks: documents that are new, while most of the training
    documents are not asked about in the test; else new questions on documents that are trained on.
    What stays in train and hardly differs from a question of dev is dropped.
    """
    tested = {e.group for e in examples if e.split != "train"}
    train = [e for e in examples if e.split == "train"]
    free = [e for e in train if e.group not in tested]
    new = 2 * len(free) >= len(train)
    shares = Shares(0, 0, share) if new else Shares(share, 0, 0)
    dealt = assign(free if new else train, groups=clusters, shares=shares, seed=ctx.seed)
    lost = {id for ids in dealt.dropped.values() for id in ids}
    dev = {e.id for e in dealt.examples if e.split != "train"}
    stay = (e for e in train if e.id not in dev | lost)
    copies = repeating(stay, (e for e in train if e.id in dev))
    for reason, ids in {**dealt.dropped, DEV_COPY: copies}.items():
        if ids:
            dropped[reason] = dropped.get(reason, 0) + len(ids)
    lost |= copies
    kept = [e for e in examples if e.id not in lost]
    return [replace(e, split="dev") if e.id in dev else e for e in kept]


def with_seen(examples: Sequence[Example], dropped: dict[str, int], ctx: Context) -> list[Example]:
    """Return the examples with those of a test as test-seen if train asks about their documents.

    The others are test-new. A group ties the documents that share a question. What it ties to dev
    alone is neither.
    """
    train, dev = ({e.group for e in examples if e.split == name} for name in ("train", "dev"))
    made: list[Example] = []
    moved: Counter[Split] = Counter()
    for example in examples:
        if example.split in ("train", "dev"):
            made.append(example)
        elif example.group in train or example.group not in dev:
            split: Split = "test-seen" if example.group in train else "test-new"
            moved[split] += split != example.split
            made.append(replace(example, split=split))
    if len(made) < len(examples):
        dropped["document of dev alone"] = len(examples) - len(made)
    if seen := moved["test-seen"]:
        ctx.note("import", f"{seen} test questions are on documents of train: test-seen")
    if new := moved["test-new"]:
        ctx.note("import", f"{new} test questions are on documents that train has not: test-new")
    return made
