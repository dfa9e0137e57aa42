"""init: write a commented graft.toml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel

from graft.core.config import Config, ExamplesTable
from graft.core.errors import InputError
from graft.core.files import Layout, write_atomic
from graft.examples.maker import MAKERS
from graft.retrieve.kind import STAGES

HEADER = """\
# Graft's settings. Every line is a default: take off the '#' to change it.
# A variable GRAFT_<TABLE>_<KEY> wins over this file, and `--set table.key=value` over both.
"""


def init(root: Path) -> Path:
    """Write `graft.toml` into a folder, made if need be, and return its path.

    Raises InputError when there is one already.
    """
    path = Layout(root).config
    if path.exists():
        raise InputError(f"{path} is there already: edit it, or remove it first")
    root.mkdir(parents=True, exist_ok=True)
    write_atomic(path, config_text())
    return path


def config_text() -> str:
    """Return the whole configuration as commented TOML.

    >>> "# depth = 100" in config_text()
    True
    """
    return HEADER + "".join(_table(Config, ""))


def _table(model: type[BaseModel], prefix: str) -> Iterator[str]:
    tables: list[str] = []  # what is a table of its own comes behind the settings
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            if not any(
                isinstance(f.default, BaseModel) for f in field.annotation.model_fields.values()
            ):
                yield f"\n[{prefix}{name}]\n"
            yield from _table(field.annotation, f"{prefix}{name}.")
            continue
        if field is ExamplesTable.model_fields["makers"]:  # which the makers know
            makers = MAKERS.all().values()
            tables.append(f"\n[{prefix}{name}]\n{_note(field.description)}")
            tables += [f"# {m.name} = {_value(m.share)}  # {m.about}\n" for m in makers]
            continue
        if get_origin(field.annotation) is dict:  # the tables of stages, which the stages know
            for kind in STAGES.all().values():
                if kind.table.model_fields:
                    yield f"\n[{prefix}{name}.{kind.name}]\n"
                    yield from _table(kind.table, "")
            continue
        yield _note(field.description) + f"# {name} = {_value(field.default)}\n"
    yield from tables


def _note(told: str | None) -> str:
    return "".join(f"# {line.strip()}\n" for line in (told or "").splitlines())


def _value(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)
