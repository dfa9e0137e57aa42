"""Table: a table of settings, closed to keys that it does not know."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from graft.core.errors import ConfigError, nearest


class Table(BaseModel):
    """A table of graft.toml: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _split(cls, value: Any, info: ValidationInfo) -> Any:
        """Take a list as variables and flags write it: parts with commas between them, or TOML."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if not isinstance(value, str) or get_origin(kind) is not tuple:
            return value
        with suppress(tomllib.TOMLDecodeError):
            told = tomllib.loads(f"value = {value}")["value"]
            if isinstance(told, list) and all(isinstance(part, str) for part in told):
                return tuple(told)
        # A glob may begin with a bracket too, and is no TOML.
        return tuple(part.strip() for part in value.split(",") if part.strip())


M = TypeVar("M", bound=Table)


def checked(model: type[M], values: Mapping[str, Any], prefix: str) -> M:
    """Return a table of graft.toml that stands under a dotted prefix.

    Raises ConfigError, naming the nearest valid key, for a key or value that cannot be used.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(problem(error, keys_of(model, prefix), prefix)) from error


def keys_of(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Return every dotted key of a table and of the tables in it."""
    keys = []
    for name, entry in model.model_fields.items():
        if isinstance(entry.annotation, type) and issubclass(entry.annotation, BaseModel):
            keys += keys_of(entry.annotation, f"{prefix}{name}.")
        elif get_origin(entry.annotation) is not dict:
            keys.append(prefix + name)
    return keys


def problem(
    error: ValidationError, options: Sequence[str], prefix: str = "", *, where: str = ""
) -> str:
    """Return what is wrong with the first setting that is wrong."""
    first = error.errors()[0]
    key = prefix + ".".join(str(part) for part in first["loc"])
    if first["type"] == "gone":
        return first["msg"] + (f" (it stands{where})" if where else "")
    if first["type"] == "extra_forbidden":
        return f"unknown setting '{key}'{where}: {_meant(key, options)}"
    told = first["msg"].removeprefix("Value error, ")
    return f"setting '{key}'{where} is {first['input']!r}: {told[0].lower()}{told[1:]}"


def _meant(key: str, options: Sequence[str]) -> str:
    """Say which setting a key may stand for: of its table, of its name, or of a like one."""
    table, _, name = key.rpartition(".")
    own = [option for option in options if option.rpartition(".")[0] == table]
    near = nearest(name, [option.rpartition(".")[2] for option in own])
    same = [option for option in options if option.rpartition(".")[2] == name]
    if near:
        near = f"{table}.{near}" if table else near
    elif same:
        near = same[0]
    elif not own:
        near = nearest(key, options, likeness=0.0)
    if near:
        return f"did you mean '{near}'?"
    return f"name one of {', '.join(own)}" if own else "it has no settings"
