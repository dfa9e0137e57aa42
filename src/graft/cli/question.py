"""What ask, search and chat share: who asks, after which turns, of which documents."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graft.core.errors import InputError

if TYPE_CHECKING:
    from graft.core.generation import Message
    from graft.core.search import Filter, Search

AsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--as", metavar="NAME",
        help="Ask as this principal (repeatable); the workspace's owner otherwise sees all.",
    ),
]  # fmt: skip
ReleaseOption = Annotated[
    int | None, typer.Option("--release", help="Use this release; the current one otherwise.")
]
HistoryOption = Annotated[
    str,
    typer.Option(
        "--history", metavar="FILE",
        help="The turns before: chat messages as JSON or JSONL (role, content); - is the input.",
    ),
]  # fmt: skip
WhereOption = Annotated[
    str,
    typer.Option(
        "--where", metavar="EXPR",
        help="Only documents of which this is true, as in 'year >= 2023 and id ~ \"hr/*\"': "
        "= != < <= > >= ~ in (...) has KEY, and, or, not, on metadata, id, title and media_type.",
    ),
]  # fmt: skip


def asked(
    question: str, *, history: str = "", where: str = "", principals: Sequence[str] | None = None
) -> Search:
    """Return a question as the options say it is asked. Raises InputError for one that is wrong."""
    from graft.core.search import Search

    return Search(
        question,
        history=_read(history) if history else (),
        filter=filtered(where),
        principals=None if principals is None else frozenset(principals),
    )


def filtered(where: str) -> Filter:
    """Return the filter of --where. Raises InputError for a condition that cannot be read."""
    from graft.core.search import Filter
    from graft.core.where import parse_where

    return Filter(where=parse_where(where)) if where else Filter()


def _read(name: str) -> tuple[Message, ...]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the history {name} is not UTF-8 ({error}): write it anew") from error
    except OSError as error:
        raise InputError(
            f"the history {name} cannot be read ({error.strerror or error}): name a file of chat "
            "messages, or - for the input"
        ) from error
    from graft.core.history import parse_history

    return parse_history(text)
