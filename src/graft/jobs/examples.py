"""examples: make, take in, hand out, check and show the questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from graft.core.config import Settings
from graft.core.context import Context
from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.example import SPLITS, Example, Gold
from graft.core.search import Filter
from graft.examples import store
from graft.examples.access import with_access
from graft.examples.elsewhere import POOLED, answered_elsewhere
from graft.examples.formats import FORMATS, Format, detect, export_examples, import_examples
from graft.examples.gold import pin, resolve
from graft.examples.make import MakeOptions, make_examples
from graft.examples.meaning import Meaning
from graft.examples.repeats import Repeat, repeats
from graft.examples.split import documents_of
from graft.examples.squad import placed, squad_documents
from graft.examples.store import ExampleSet
from graft.examples.unusable import Unusable
from graft.library.store import Library
from graft.loop.dealing import apart, deal, learned_by, with_dev, with_seen
from graft.loop.releases import settings_of
from graft.loop.scoring import retrieval_settings
from graft.loop.sets import document_groups, load_examples, meaning_of
from graft.wire import Wiring, generator, library, pipeline, reading, with_changes

LOOKED_AT = 100
"""Passages looked at in search of one that answers a question which should have no answer."""


def build(workspace: Wiring, *, ctx: Context) -> dict[str, Any]:
    """Make questions from the library's passages, filter and split them; return the counts.

    The generator and the retrieval are those of the release in use. What its runs were trained on
    is asked by no test split.
    """
    settings, _ = settings_of(workspace, None)
    held, table = reading(workspace, settings), workspace.config.examples
    learned = learned_by(workspace, settings, ctx)
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
    examples = with_access(made.examples, _access(held))
    doubtful = _doubtful(workspace, settings, held, examples, ctx)
    dealt = deal(workspace, held, examples, learned, doubtful=doubtful, ctx=ctx)
    dropped = {**made.dropped, **dealt.dropped}
    ctx.note("examples", "kept of those tried, by maker: " + ", ".join(
        f"{name} {told.kept} of {told.tried}" for name, told in made.makers.items()
    ))  # fmt: skip
    done = ExampleSet(dealt.examples, held.version, dropped)
    makers = {name: asdict(told) for name, told in made.makers.items()}
    return {**_keep(workspace, done, "made", ctx, dealt.why), "makers": makers}


def _doubtful(
    workspace: Wiring, settings: Settings, held: Library, examples: Sequence[Example], ctx: Context
) -> set[str]:
    """Return the ids of questions that BM25, or a retrieval of the line, finds answered elsewhere.

    A reranker is not asked: it orders what the fusion found, which is looked through as far as it
    reads.
    """
    named = retrieval_settings(settings)
    named.setdefault("bm25", with_changes(settings, {"retrieve.pipeline": "bm25"}))
    pools = [
        partial(pipeline(workspace, each, held, limit=POOLED), ctx=ctx)
        for name, each in named.items()
        if name != "reranked"
    ]
    return answered_elsewhere(examples, pools)


def look_up(held: Library, texts: Sequence[str]) -> list[list[Passage]]:
    """Return for each text the passages of the whole library that fit it best by BM25."""
    size = len(texts)
    found = held.match(texts, LOOKED_AT, allowed=[Filter()] * size, principals=[None] * size)
    ids = [[id for id, _, _ in ranked] for ranked in found]
    passages = {p.id: p for p in held.passages(list({id for each in ids for id in each}))}
    return [[passages[id] for id in each] for each in ids]


def import_(  # noqa: PLR0913
    workspace: Wiring,
    path: str,
    *,
    split: str = "",
    apart_from: Sequence[str] = (),
    limit: int = 0,
    strict: bool = False,
    ctx: Context,
) -> dict[str, Any]:
    """Take in questions from a file or BEIR folder; return the counts.

    A row that cannot be used is left out and counted by its reason, and a warning names the first;
    `strict` raises InputError for it.

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
    left = Unusable(strict)
    found = import_examples(source, split=split, limit=limit, seed=ctx.seed, left=left)
    left.tell("import", ctx)
    dropped: dict[str, int] = left.counts
    if apart_from:
        meaning = meaning_of(workspace, settings_of(workspace, None)[0])
        found = apart(found, source, apart_from, split=split, dropped=dropped, meaning=meaning)
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
        dealt = deal(workspace, held, examples, learned_by(workspace, settings, ctx), ctx=ctx)
        done = ExampleSet(dealt.examples, held.version, dropped | dict(dealt.dropped))
        return _keep(workspace, done, path, ctx, dealt.why)
    if "train" in splits and "dev" not in splits:
        clusters = document_groups(held, workspace.config.ingest.near_duplicate, examples)
        examples = with_dev(examples, clusters, table.dev, dropped, ctx)
    examples = with_seen(examples, dropped, ctx)
    return _keep(workspace, ExampleSet(tuple(examples), held.version, dropped), path, ctx)


def _access(held: Library) -> dict[str, tuple[str, ...]]:
    return {row.id: row.access for row in held.document_rows()}


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


def _keep(
    workspace: Wiring, made: ExampleSet, origin: str, ctx: Context, dealt: str = ""
) -> dict[str, Any]:
    store.write(workspace.layout.examples, made)
    detail = {"origin": origin, "counts": made.counts, "dropped": dict(made.dropped)}
    workspace.ledger.record_examples(made.id, ctx.clock(), made.library_version, detail=detail)
    return {"id": made.id, **made.counts, "dropped": dict(made.dropped), "dealt": dealt}
