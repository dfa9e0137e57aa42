"""examples: make, take in, hand out, check and show the questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import InputError, NotFound
from graft.core.example import SPLITS, Example, Gold, Split
from graft.core.files import RUNS
from graft.core.runs import ancestors, read_run
from graft.core.search import Filter
from graft.examples import store
from graft.examples.access import with_access
from graft.examples.beir import splits as beir_splits
from graft.examples.formats import FORMATS, Format, detect, export_examples, import_examples
from graft.examples.gold import pin, resolve
from graft.examples.make import MakeOptions, make_examples
from graft.examples.meaning import Meaning
from graft.examples.repeats import Repeat, repeating, repeats
from graft.examples.split import Assigned, Shares, TrainedOn, assign, documents_of
from graft.examples.squad import placed, squad_documents
from graft.examples.store import ExampleSet
from graft.examples.vouched import fit_for_splits
from graft.library.store import Library
from graft.loop.parts import runs_of
from graft.loop.releases import settings_of
from graft.loop.sets import document_groups, load_examples, meaning_of
from graft.wire import Wiring, generator, library, pipeline, reading

LOOKED_AT = 100
"""Passages looked at in search of one that answers a question which should have no answer."""

DEV_COPY = "near-copy of a dev question"


def build(workspace: Wiring, *, ctx: Context) -> dict[str, Any]:
    """Make questions from the library's passages, filter and split them; return the counts.

    The generator and the retrieval are those of the release in use. What its runs were trained on
    is asked by no test split.
    """
    settings, _ = settings_of(workspace, None)
    held, table = reading(workspace, settings), workspace.config.examples
    learned = _learned(workspace, settings, ctx)
    made = make_examples(
        ((held.document(id), held.passages_of(id)) for id in held.document_ids()),
        generator(workspace, settings.generate),
        options=MakeOptions(
            per_document=table.per_document,
            limit=table.limit,
            unanswerable=table.unanswerable,
            makers=table.makers,
        ),
        retrieve=partial(pipeline(workspace, settings, held, limit=10), ctx=ctx),
        lookup=partial(look_up, held),
        ctx=ctx,
    )
    dealt = fit_for_splits(
        _deal(workspace, held, with_access(made.examples, _access(held)), learned, ctx)
    )
    dropped = {**made.dropped, **{why: len(ids) for why, ids in dealt.dropped.items()}}
    makers = {name: asdict(told) for name, told in made.makers.items()}
    ctx.note("examples", "kept of those tried, by maker: " + ", ".join(
        f"{name} {told.kept} of {told.tried}" for name, told in made.makers.items()
    ))  # fmt: skip
    told = _keep(workspace, ExampleSet(dealt.examples, held.version, dropped), "made", ctx)
    return {**told, "makers": makers}


def look_up(held: Library, texts: Sequence[str]) -> list[list[Passage]]:
    """Return for each text the passages of the whole library that fit it best by BM25."""
    size = len(texts)
    found = held.match(texts, LOOKED_AT, allowed=[Filter()] * size, principals=[None] * size)
    ids = [[id for id, _, _ in ranked] for ranked in found]
    passages = {p.id: p for p in held.passages(list({id for each in ids for id in each}))}
    return [[passages[id] for id in each] for each in ids]


def import_(
    workspace: Wiring,
    path: str,
    *,
    split: str = "",
    apart_from: Sequence[str] = (),
    limit: int = 0,
    ctx: Context,
) -> dict[str, Any]:
    """Take in questions from a file or BEIR folder; return the counts.

    `apart_from` names splits of the BEIR folder, or other files, whose questions are kept for a
    test: what stands there too, as it is or as a near-copy, is left out. Where the folder is taken
    in whole, such a split comes in as it is, and the others without what stands in it.

    Rows that name their splits keep them, but a test question is test-new or test-seen by whether
    its documents are trained on. Where none is dev, one is dealt from train, whole articles apart.
    A file whose rows name no split is dealt into all four; what the runs of the release in use
    were trained on is then asked by no test split.
    """
    held, table = library(workspace), workspace.config.examples
    source = Path(path)
    if not source.exists():
        raise InputError(f"{path} is not there: name a file or a BEIR folder of questions")
    found = import_examples(source, split=split, limit=limit, seed=ctx.seed)
    dropped: dict[str, int] = {}
    if apart_from:
        meaning = meaning_of(workspace, settings_of(workspace, None)[0])
        found = _apart(found, source, apart_from, split=split, dropped=dropped, meaning=meaning)
    if detect(source) == "squad":
        known = set(held.document_ids())
        paragraphs = [p for p in squad_documents(source) if p.id not in known]
        found = placed(found, paragraphs, held.texts())
    pinned = pin(found, held.document)
    if not pinned.examples:
        missing = next(iter(pinned.missing.values()))
        raise InputError(
            f"none of the {len(found)} questions of {path} is about a document of the library "
            f"({missing!r} is none of its ids): ingest their documents first"
        )
    if 2 * len(pinned.missing) > len(found):
        ctx.warn(
            "import",
            f"{len(pinned.missing)} of {len(found)} questions are left out: their "
            "documents are not in the library",
        )
    bare = sum(example.answerable and not example.gold for example in pinned.examples)
    if bare:
        ctx.warn(
            "import",
            f"{bare} questions name no document: nothing is trained on them, nor can it be told "
            "whether a test question's document was trained on",
        )
    if pinned.missing:
        dropped["document not in the library"] = len(pinned.missing)
    examples: Sequence[Example] = with_access(pinned.examples, _access(held))
    splits = {example.split for example in examples}
    if splits == {"train"} and not split:
        settings, _ = settings_of(workspace, None)
        dealt = _deal(workspace, held, examples, _learned(workspace, settings, ctx), ctx)
        dropped |= {reason: len(ids) for reason, ids in dealt.dropped.items()}
        return _keep(workspace, ExampleSet(dealt.examples, held.version, dropped), path, ctx)
    if "train" in splits and "dev" not in splits:
        clusters = document_groups(held, workspace.config.ingest.near_duplicate, examples)
        examples = _with_dev(examples, clusters, table.dev, dropped, ctx)
    examples = _with_seen(examples, dropped, ctx)
    return _keep(workspace, ExampleSet(tuple(examples), held.version, dropped), path, ctx)


def _learned(workspace: Wiring, settings: Settings, ctx: Context) -> TrainedOn:
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


def _deal(
    workspace: Wiring, held: Library, examples: Sequence[Example], learned: TrainedOn, ctx: Context
) -> Assigned:
    """Deal examples into all four splits, with nothing learned in a test."""
    table = workspace.config.examples
    dealt = assign(
        examples,
        groups=document_groups(held, workspace.config.ingest.near_duplicate, examples),
        shares=Shares(table.dev, table.test_seen, table.test_new),
        seed=ctx.seed,
        learned=learned,
        meaning=meaning_of(workspace, settings_of(workspace, None)[0]),
    )
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
    return dealt


def _access(held: Library) -> dict[str, tuple[str, ...]]:
    return {row.id: row.access for row in held.document_rows()}


def _apart(
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


def _with_dev(
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


def _with_seen(examples: Sequence[Example], dropped: dict[str, int], ctx: Context) -> list[Example]:
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


def export(workspace: Wiring, path: str, *, format: str = "", examples: str = "") -> int:
    """Write an example set in another tool's format and return how many there are."""
    found = load_examples(workspace, examples)
    target = Path(path)
    guess: dict[str, Format] = {"": "beir", ".json": "squad", ".jsonl": "chat"}
    chosen = format or guess.get(target.suffix, "")
    if chosen not in FORMATS:
        raise InputError(
            f"no format is known for {path!r} ({format or 'none given'}): "
            f"pass --format with one of {', '.join(FORMATS)}"
        )
    held = library(workspace)
    return export_examples(found.examples, target, chosen, document=held.document)


def list_sets(workspace: Wiring) -> list[dict[str, Any]]:
    """Return every example set, oldest first: id, time, origin, counts by split."""
    return [
        {
            "id": row["id"],
            "created": row["created"],
            "origin": row["detail"]["origin"],
            "counts": row["detail"]["counts"],
        }
        for row in workspace.ledger.example_sets()
    ]


def check(workspace: Wiring, *, examples: str = "") -> dict[str, Any]:
    """Check a set's splits for leaks and its gold against the documents of now.

    "leaks" counts what an imported set may have: "repeats" of a question on another side in other
    words, and "tied" questions of test-new whose document says what one of another side says.
    Raises LeakError, naming the pair, for a question or document on both sides.
    """
    found = load_examples(workspace, examples)
    settings, _ = settings_of(workspace, None)
    held = reading(workspace, settings)
    gold = resolve(found.examples, held.document, passages_of=held.passages_of)
    bare = sum(not example.gold for example in found.examples)
    states = {"found": len(gold.passages) - bare, "moved": len(gold.moved), "none named": bare}
    states |= {reason: len(ids) for reason, ids in gold.dropped.items()}
    meant = _meant(found, meaning_of(workspace, settings))
    groups = document_groups(held, workspace.config.ingest.near_duplicate, found.examples)
    tied = _tied(found, groups)
    return {
        "id": found.id,
        **found.counts,
        "leaks": len(meant) + len(tied),
        "repeats": [
            {"question": r.other.question, "split": r.other.split, "other": r.example.question,
             "other_split": r.example.split, "similarity": round(r.similarity, 3)}
            for r in meant
        ],
        "tied": [{"question": e.question, "document": documents_of(e)[0]} for e in tied],
        "gold": states,
    }  # fmt: skip


def _meant(found: ExampleSet, meaning: Meaning | None) -> list[Repeat]:
    """Return the questions that mean what one of another split means."""
    if meaning is None:
        return []
    before: list[Example] = []
    pairs: list[Repeat] = []
    for split in SPLITS:
        here = found.split(split)
        pairs += [r for r in repeats(before, here, meaning) if r.by == "meaning"]
        before += here
    return pairs


def _tied(found: ExampleSet, groups: Mapping[str, str]) -> list[Example]:
    """Return the examples of test-new whose documents are tied to those of another split."""

    def clusters(example: Example) -> set[str]:
        return {groups.get(document, document) for document in documents_of(example)}

    asked = (e for e in found.examples if e.split != "test-new")
    elsewhere = {cluster for example in asked for cluster in clusters(example)}
    return [e for e in found.split("test-new") if clusters(e) & elsewhere]


def show(
    workspace: Wiring, *, split: str = "", limit: int = 20, examples: str = ""
) -> list[dict[str, Any]]:
    """Return the first examples of a set (or of one split) as plain rows."""
    found = load_examples(workspace, examples)
    rows = [e for e in found.examples if not split or e.split == split]
    return [
        {
            "id": e.id,
            "split": e.split,
            "kind": e.kind,
            "question": e.question,
            "answers": list(e.answers),
            "rejected": list(e.rejected),
            "group": e.group,
            "access": list(e.access),
            "gold": list(map(_place, e.gold)),
        }
        for e in rows[:limit]
    ]


def _place(gold: Gold) -> str:
    """Return a gold as a person reads it: pay.md:10-20, or d2 (grade 3)."""
    place = f":{gold.start}-{gold.end}" if gold.span else ""
    return gold.document_id + place + (f" (grade {gold.grade})" if gold.grade != 1 else "")


def _keep(workspace: Wiring, made: ExampleSet, origin: str, ctx: Context) -> dict[str, Any]:
    store.write(workspace.layout.examples, made)
    detail = {"origin": origin, "counts": made.counts, "dropped": dict(made.dropped)}
    workspace.ledger.record_examples(made.id, ctx.clock(), made.library_version, detail=detail)
    return {"id": made.id, **made.counts, "dropped": dict(made.dropped)}
