"""Rows: cases as a table, one row a question and system, from which each case can be had again.

Beside what a case holds, a row has its split, its system, and a column `score:NAME` for each
measure: null where the measure was not taken of the system, NaN where it does not apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from graft.core.answer import Answer, Citation
from graft.core.case import Case
from graft.core.measure import name_now
from graft.core.search import Hit
from graft.evaluate.score import Scored
from graft.examples.split import documents_of
from graft.examples.store import SCHEMA as QUESTION
from graft.examples.store import example_of

SCORE = "score:"

_OWN = {"id": "example", "split": "example_split"}
"""What two columns of an example set are called here; the others keep their names."""

_CITATION = pa.struct([
    ("start", pa.int64()), ("end", pa.int64()), ("document_id", pa.string()),
    ("passage_id", pa.string()), ("source_start", pa.int64()), ("source_end", pa.int64()),
    ("quote", pa.string()), ("support", pa.float64()),
])  # fmt: skip
_SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64())])
_SHOWN = pa.struct([("passage_id", pa.string()), ("document_id", pa.string())])
_GRADE = pa.struct([("id", pa.string()), ("grade", pa.int64())])

SCHEMA = pa.schema([
    ("split", pa.string()), ("system", pa.string()),
    # the question, as the example set has it
    *((_OWN.get(field.name, field.name), field.type) for field in QUESTION),
    # the answer; null where the system only ranks
    ("answer", pa.string()), ("declined", pa.bool_()), ("citations", pa.list_(_CITATION)),
    ("unsupported", pa.list_(_SPAN)), ("support", pa.float64()),
    ("confidence", pa.float64()), ("least_log_prob", pa.float64()), ("shown", pa.list_(_SHOWN)),
    ("closed", pa.bool_()), ("error", pa.string()), ("finish_reason", pa.string()),
    # the ranking; null where the system ranked nothing
    ("ranking", pa.list_(pa.string())), ("judged", pa.list_(_GRADE)),
    # what it took, and what is needed to trace it
    ("prompt_hash", pa.string()), ("prompt_tokens", pa.int64()), ("new_tokens", pa.int64()),
    ("seconds", pa.float64()), ("release", pa.string()), ("library_version", pa.int64()),
    ("seed", pa.int64()), ("replayable", pa.bool_()),
])  # fmt: skip
"""The columns of every evaluation, scores aside. Texts of passages are not in it, so that a
document that is removed leaves no copy but what was quoted."""


def to_table(splits: Mapping[str, Sequence[Scored]]) -> pa.Table:
    """Return the rows of every split's systems, in their order, with their scores."""
    systems = [(split, system) for split, found in splits.items() for system in found]
    rows = [_row(split, system.name, case) for split, system in systems for case in system.cases]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    for name in dict.fromkeys(name for _, system in systems for name in system.values):
        column: list[float | None] = []
        for _, system in systems:
            values = system.values.get(name)
            column += [None] * len(system.cases) if values is None else values.tolist()
        # from_pandas=False: NaN and null mean different things here
        table = table.append_column(SCORE + name, pa.array(column, pa.float64()))
    return table


def from_table(table: pa.Table) -> dict[str, list[Scored]]:
    """Return the systems of every split as they were, each with its cases and scores."""
    places: dict[tuple[str, str], list[int]] = {}
    # What came later than the rows is not in them.
    rows = table.select([n for n in SCHEMA.names if n in table.column_names]).to_pylist()
    for place, row in enumerate(rows):
        places.setdefault((row["split"], row["system"]), []).append(place)
    measures = _measures(table)
    found: dict[str, list[Scored]] = {}
    for (split, system), held in places.items():
        part = table.take(held)
        values = {
            name: np.array(part[column].to_pylist(), dtype=np.float64)
            for name, column in measures.items()
            if part[column].null_count < len(held)
        }
        cases = tuple(_case(rows[place]) for place in held)
        found.setdefault(split, []).append(Scored(system, values, cases))
    return found


def _measures(table: pa.Table) -> dict[str, str]:
    """Return the measures of a table by what they are called now, each with its column."""
    columns = [name for name in table.column_names if name.startswith(SCORE)]
    named = {name_now(column.removeprefix(SCORE)): column for column in columns}
    return named | {n: SCORE + n for n in named if SCORE + n in columns}


def _row(split: str, system: str, case: Case) -> dict[str, Any]:
    example, answer = case.example, case.answer
    row = {_OWN.get(name, name): value for name, value in asdict(example).items()}
    row |= {
        "split": split,
        "system": system,
        "closed": case.closed,
        "ranking": case.ranking,
        "judged": [{"id": id, "grade": grade} for id, grade in case.judged.items()],
        "seconds": case.seconds,
    }
    return row | (_answer_row(answer) if answer is not None else {})


def _answer_row(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.text,
        "declined": answer.declined,
        "citations": [asdict(citation) for citation in answer.citations],
        "unsupported": [{"start": start, "end": end} for start, end in answer.unsupported],
        "support": answer.support,
        "confidence": answer.confidence,
        "least_log_prob": answer.least_log_prob,
        "shown": [{"passage_id": h.passage_id, "document_id": h.document_id} for h in answer.hits],
        "error": answer.error,
        "finish_reason": answer.finish_reason,
        "prompt_hash": answer.prompt_hash,
        "prompt_tokens": answer.prompt_tokens,
        "new_tokens": answer.new_tokens,
        "release": answer.release,
        "library_version": answer.library_version,
        "seed": answer.seed,
        "replayable": answer.replayable,
    }


def _case(row: Mapping[str, Any]) -> Case:
    return Case(
        example=example_of({name: row[_OWN.get(name, name)] for name in QUESTION.names}),
        answer=None if row["answer"] is None else _answer(row),
        ranking=None if row["ranking"] is None else tuple(row["ranking"]),
        judged={each["id"]: each["grade"] for each in row["judged"]},
        closed=row["closed"],
        seconds=row["seconds"],
    )


_AS_IT_IS = {field.name for field in fields(Answer)}.intersection(SCHEMA.names) - {
    "question",
    "citations",
    "unsupported",
}
"""Columns that hold a field of an answer under its own name and in its own form."""


def _answer(row: Mapping[str, Any]) -> Answer:
    return Answer(
        question=row["question"],
        text=row["answer"],
        citations=tuple(Citation(**citation) for citation in row["citations"]),
        unsupported=tuple((span["start"], span["end"]) for span in row["unsupported"]),
        hits=tuple(Hit(shown["passage_id"], shown["document_id"], 0.0) for shown in row["shown"]),
        **{"confidence": row["support"], **{n: row[n] for n in _AS_IT_IS if n in row}},
    )


def without_texts(case: Case, documents: set[str]) -> Case:
    """Return a case without what documents said, which keeps its ids, ranks and grades.

    An answer that was shown them goes. Where they are its gold, the question and its accepted
    answers were made from them, and go too.
    """
    example, answer = case.example, case.answer
    shown = [hit.document_id for hit in answer.hits] if answer else []
    shown += [citation.document_id for citation in answer.citations] if answer else []
    if documents.intersection(documents_of(example)):
        example = replace(example, question="", answers=(), rejected=(), messages=(), metadata={})
    elif not documents.intersection(shown):
        return case
    return replace(case, example=example, answer=None)


def same_questions(one: Iterable[Case], other: Iterable[Case]) -> list[tuple[Case, Case]]:
    """Return the cases of two systems on the questions that both were asked, in one's order."""
    asked = {(case.example.id, case.example.question): case for case in other}
    pairs = ((case, asked.get((case.example.id, case.example.question))) for case in one)
    return [(case, same) for case, same in pairs if same is not None]
