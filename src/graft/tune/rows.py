"""Rows: what a run keeps of the passages that it was trained with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from graft.core.document import Passage
from graft.core.hashing import value_hash
from graft.generate.prompts import Template
from graft.tune.data import DataRow
from graft.tune.items import Items, Trainable
from graft.tune.lists import Lists
from graft.tune.mine import Mined
from graft.tune.objective import Lessons, Source, documents_of
from graft.tune.pool import Pool
from graft.tune.sft import items_digest


def generator_lessons(
    source: Source, split: str, chosen: Trainable, made: Items,
    others: Mapping[str, Sequence[Passage]], *, prompt: Template,
) -> Lessons:  # fmt: skip
    """Return the lessons of items with prompts; `others` stood beside the evidence in them."""
    shown: list[Passage] = []
    rows = []
    for item in made.items:
        evidence = source.evidence.get(item.id, ())
        shown += evidence
        shown += [p for p in others.get(item.id, ()) if p.id in item.shown]
        positives = tuple(passage.id for passage in evidence)
        rows.append(DataRow(split, item.id, positives, item.shown, digest=items_digest([item])))
    skipped: Counter[str] = Counter(dict(chosen.skipped))
    skipped.update(made.skipped)
    return Lessons(
        items=made.items,
        rows=tuple(rows),
        documents=documents_of(shown),
        skipped=skipped,
        steps_as=len(chosen.examples),
        settings={"prompt": prompt.to_dict()},
    )


def mined_lessons(mined: Mined) -> Lessons:
    """Return the lessons of mined triples."""
    read = [p for triple in mined.triples for p in (triple.positive, *triple.negatives)]
    return Lessons(
        items=mined.triples,
        rows=tuple(_mined_rows(mined)),
        documents=documents_of(read),
        skipped={f"mined: {reason}": count for reason, count in mined.dropped.items()},
    )


def pool_rows(pool: Pool) -> Iterator[DataRow]:
    """Yield the passages of a pool, which all questions rank, and each question's gold."""
    yield DataRow("dev", "", shown=tuple(pool.passages))
    for id, gold in pool.gold.items():
        yield DataRow("dev", id, tuple(sorted(gold)))


def list_rows(lists: Lists) -> Iterator[DataRow]:
    """Yield each question's candidates and gold."""
    for id, shown in lists.candidates.items():
        yield DataRow("dev", id, tuple(sorted(lists.gold[id])), tuple(p.id for p in shown))


def _mined_rows(mined: Mined) -> Iterator[DataRow]:
    for triple in mined.triples:
        shown = tuple(passage.id for passage in triple.negatives)
        texts = [p.indexed_text for p in (triple.positive, *triple.negatives)]
        digest = value_hash([triple.question, *texts])
        yield DataRow("train", triple.example, (triple.positive.id,), shown, digest=digest)
