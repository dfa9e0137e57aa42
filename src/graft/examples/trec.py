"""TREC runs: `query Q0 document rank score tag`, as trec_eval and ir-measures read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from graft.core.errors import InputError
from graft.core.files import write_atomic

TrecRun = Mapping[str, Sequence[tuple[str, float]]]
"""Ranked (document, score) lists, best first, by query."""


def write_runs(runs: Mapping[str, TrecRun], path: Path) -> None:
    """Write the runs of several systems into one file; each system is the tag of its lines.

    Ranks start at 1. trec_eval ranks by score and breaks ties by id, and fused and reranked lists
    mix scales, so the score that is written counts down along the list: 3.0, 2.0, 1.0. Raises
    InputError for an id with white space, which the format cannot hold.
    """
    write_atomic(path, "".join(line for tag, run in runs.items() for line in _lines(run, tag)))


def _lines(run: TrecRun, tag: str) -> Iterator[str]:
    for query, ranked in run.items():
        for place, (document, _) in enumerate(ranked):
            for id in (query, document, tag):
                if not id or len(id.split()) != 1 or id != id.strip():
                    raise InputError(
                        f"a TREC run separates by white space, so it cannot hold {id!r}: rename it"
                    )
            yield f"{query} Q0 {document} {place + 1} {float(len(ranked) - place)!r} {tag}\n"
