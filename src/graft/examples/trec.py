"""TREC runs: `query Q0 document rank score tag`, as trec_eval and ir-measures read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from graft.core.errors import InputError
from graft.core.files import write_atomic


def write_run(run: Mapping[str, Sequence[tuple[str, float]]], path: Path, tag: str) -> None:
    """Write ranked (document, score) lists, best first, by query.

    Scores are written in full; ranks start at 1. Raises InputError for an id with white space,
    which the format cannot hold, and for a list that is not ordered: trec_eval ranks by score.
    """
    lines = []
    for query, ranked in run.items():
        before = float("inf")
        for rank, (document, score) in enumerate(ranked, start=1):
            for id in (query, document, tag):
                if not id or len(id.split()) != 1:
                    raise InputError(
                        f"a TREC run separates by white space, so it cannot hold {id!r}: rename it"
                    )
            if score > before:
                raise InputError(
                    f"the hits of query {query} are not ordered by score at rank {rank}: sort them"
                )
            before = score
            lines.append(f"{query} Q0 {document} {rank} {score!r} {tag}\n")
    write_atomic(path, "".join(lines))
