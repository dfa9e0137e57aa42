"""Configuration: defaults < graft.toml < GRAFT_* variables < flags. An unknown key is an error.

Every table of graft.toml is one model here; `Settings` are those that a release pins. A variable
is named `GRAFT_<TABLE>_<KEY>`, as in `GRAFT_RETRIEVE_DEPTH=50` or `GRAFT_TUNE_GENERATOR_EPOCHS=2`.
In a variable or a flag, a list is written with commas. Variables and flags are explicit: they count
over a release's settings too, where graft.toml waits until it is put into use.
Secrets are never values: a setting names the variable that holds one.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from graft.core.errors import ConfigError
from graft.core.recipe import Part

STARTER = "starter"
"""The name of the two models that come from the package index."""

MEASURES = frozenset({
    "answer_f1", "token_f1", "exact_match", "rouge_l", "support", "citation_precision",
    "citation_recall", "right_declines", "wrong_declines",
    "nDCG@10", "MRR@10", "Recall@5", "Recall@10",
})  # fmt: skip
"""The measures that a gate may name: those that `graft.evaluate` takes of answers and rankings."""


class Table(BaseModel):
    """A table of graft.toml: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _split(cls, value: Any, info: ValidationInfo) -> Any:
        """Take a list as variables and flags write it: parts with commas between them."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, str) and get_origin(kind) is tuple:
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


class SegmentTable(Table):
    method: Literal["structure", "whole"] = "structure"
    """"structure" follows headings, lists, tables, code and sentences; "whole" keeps a document."""
    tokenizer: str = STARTER
    """What counts tokens: "starter", "words", or a folder or hub name with a tokenizer.json."""
    max_tokens: int = Field(250, ge=16)
    """Longest passage, with the title and headings indexed beside it."""
    min_tokens: int = Field(40, ge=0)
    """Shorter neighbours under one heading are joined."""
    overlap: int = Field(0, ge=0)
    """Tokens of the passage before that are repeated."""


class EncoderTable(Table):
    model: str = STARTER
    """"starter", a folder, a hub name, or a run of `graft tune retriever` (runs/ID)."""
    query_prefix: str = ""
    """Put before each query, as E5 and BGE expect."""
    passage_prefix: str = ""
    max_tokens: int = Field(0, ge=0)
    """Cut texts here; 0 is the model's own limit."""


class RetrieveTable(Table):
    pipeline: Literal["hybrid", "dense", "bm25"] = "hybrid"
    depth: int = Field(100, ge=1)
    """Candidates each leaf brings."""
    dense_weight: float = Field(1.0, ge=0)
    """Weight of the dense leg in the fusion."""
    bm25_weight: float = Field(1.0, ge=0)
    fusion: str = ""
    """A run of `graft tune fusion` (runs/ID), whose weights count in place of these two."""
    rrf_k: int = Field(60, ge=1)
    """The constant of reciprocal rank fusion (Cormack et al., SIGIR 2009)."""
    reranker: str = ""
    """Empty for none; a cross-encoder's folder or hub name, or a run (runs/ID)."""
    rerank_depth: int = Field(20, ge=1)
    """How many of the first stage's hits the reranker reads."""


class GenerateTable(Table):
    model: str = STARTER
    """"starter", a folder, a hub name; with `url`, the endpoint's model name."""
    adapter: str = ""
    """A run of `graft tune generator` (runs/ID) or a PEFT folder."""
    url: str = ""
    """An OpenAI-compatible endpoint, such as http://127.0.0.1:11434/v1; empty runs locally."""
    api_key_env: str = ""
    """The name of the variable that holds the key."""
    timeout: float = Field(60.0, gt=0)
    """Seconds to wait for a reply."""
    retries: int = Field(3, ge=0)
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    batch_tokens: int = Field(8192, ge=256)
    """Prompt tokens that go through the model at once in jobs."""
    max_new_tokens: int = Field(96, ge=1)
    temperature: float = Field(0.0, ge=0)
    seed: int = 0
    context_tokens: int = Field(2048, ge=256)
    """Prompt and answer together; a smaller limit of the model wins."""


class AnswerTable(Table):
    prompt: str = "grounded"
    """The template of generate/prompts.py."""
    passages: int = Field(3, ge=1)
    """How many hits the prompt may show."""
    decline_threshold: float = Field(0.5, ge=0, le=1)
    """Answers supported less than this decline; fitted on dev by `graft adapt`."""


class Settings(Table):
    """What a release pins: how, never what."""

    segment: SegmentTable = SegmentTable()
    encoder: EncoderTable = EncoderTable()
    retrieve: RetrieveTable = RetrieveTable()
    generate: GenerateTable = GenerateTable()
    answer: AnswerTable = AnswerTable()


class IngestTable(Table):
    max_megabytes: float = Field(64.0, gt=0)
    """Larger files are refused with a reason."""
    exclude: tuple[str, ...] = (".*", "__pycache__", "node_modules")
    """Names (globs) that folders are searched without."""
    near_duplicate: float = Field(0.9, gt=0, le=1)
    """Estimated Jaccard similarity from which two documents count as near-duplicates."""
    ann_from: int = Field(200_000, ge=1000)
    """Passages from which an approximate index is built; below it search is exact."""


class ExamplesTable(Table):
    per_document: int = Field(4, ge=1)
    """Questions kept from one document at most."""
    limit: int = Field(400, ge=1)
    """Questions kept in all at most."""
    unanswerable: float = Field(0.15, ge=0, lt=1)
    """Share of unanswerable questions among those made; they are made from answerable ones."""
    free: float = Field(0.25, ge=0, le=1)
    """Share of free questions (from headings) among those made."""
    dev: float = Field(0.15, gt=0, lt=1)
    """Share of the questions on training documents kept for dev."""
    test_seen: float = Field(0.15, gt=0, lt=1)
    test_new: float = Field(0.25, gt=0, lt=1)
    """Share of documents (by group) that are never trained on."""

    @model_validator(mode="after")
    def _leave_room(self) -> ExamplesTable:
        made, kept = self.unanswerable + self.free, self.dev + self.test_seen
        if made > 1 + 1e-9:
            raise ValueError(
                f"unanswerable and free are {made:g} of the questions together, and 1 at most "
                "can be: lower one of them"
            )
        if kept >= 1 - 1e-9:
            raise ValueError(
                f"dev and test_seen take {kept:g} of the questions on training documents, which "
                "leaves nothing to train on: together they must stay below 1"
            )
        return self


class GeneratorTuneTable(Table):
    epochs: float = Field(1.0, gt=0)
    learning_rate: float = Field(3e-4, gt=0)
    batch_size: int = Field(4, ge=1)
    adapter: str | dict[str, Any] = "lora"
    """A kind of adapter, or a table of its settings with its `name`."""
    rank: int = Field(16, ge=1)
    """Of an adapter that has one, unless its own table says."""
    distractors_only: float = Field(0.2, ge=0, le=1)
    """Share of prompts that show distractors only, whose target is to decline."""
    max_tokens: int = Field(1024, ge=64)
    patience: int = Field(2, ge=1)


class RetrieverTuneTable(Table):
    adapter: str | dict[str, Any] = "full"
    """A kind of adapter, or a table of its settings with its `name`; "full" trains all weights."""
    epochs: float = Field(2.0, gt=0)
    learning_rate: float = Field(2e-5, gt=0)
    batch_size: int = Field(32, ge=2)
    rank: int = Field(16, ge=1)
    hard_negatives: int = Field(2, ge=0)
    patience: int = Field(2, ge=1)


class RerankerTuneTable(Table):
    model: str = ""
    """Empty grows a cross-encoder from the encoder's weights."""
    epochs: float = Field(2.0, gt=0)
    learning_rate: float = Field(5e-5, gt=0)
    batch_size: int = Field(32, ge=2)
    hard_negatives: int = Field(4, ge=1)
    patience: int = Field(2, ge=1)


class TuneTable(Table):
    generator: GeneratorTuneTable = GeneratorTuneTable()
    retriever: RetrieverTuneTable = RetrieverTuneTable()
    reranker: RerankerTuneTable = RerankerTuneTable()


class EvaluateTable(Table):
    limit: int = Field(0, ge=0)
    """Test questions a split at most; 0 takes all."""
    resamples: int = Field(2000, ge=100)
    """Bootstrap resamples behind each interval."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    smallest_n: int = Field(20, ge=2)
    """Fewer questions than this, and a difference says that the set is too small to tell."""
    few_shot: int = Field(2, ge=0)
    """Worked examples in the prompt of the style control."""


class GateTable(Table):
    improve: tuple[str, ...] = Field(("answer_f1",), min_length=1)
    """Measures whose difference must lie above zero."""
    guard: tuple[str, ...] = ("support", "Recall@10")
    """Measures that must not be inferior."""
    margin: float = Field(0.03, ge=0)
    """How far below zero the lower bound of a guarded difference may lie."""
    split: Literal["test-new", "test-seen"] = "test-new"

    @property
    def measures(self) -> tuple[str, ...]:
        """What the gate looks at, each once: what must improve, then what is guarded."""
        return tuple(dict.fromkeys([*self.improve, *self.guard]))

    @field_validator("improve", "guard")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in MEASURES:
                near = difflib.get_close_matches(name, sorted(MEASURES), 1, 0.0)
                raise ValueError(f"there is no measure {name!r}, did you mean {near[0]!r}?")
        return names


class AdaptTable(Table):
    parts: tuple[Part, ...] = ("retriever", "fusion", "reranker", "generator")
    """Which parts `graft adapt` tunes, in this order."""
    edited_facts: int = Field(5, ge=0)
    """Facts that are edited in a copy, to time how long a new one takes to be answered."""


class Config(Settings):
    """The whole of graft.toml."""

    ingest: IngestTable = IngestTable()
    examples: ExamplesTable = ExamplesTable()
    tune: TuneTable = TuneTable()
    evaluate: EvaluateTable = EvaluateTable()
    gate: GateTable = GateTable()
    adapt: AdaptTable = AdaptTable()

    @property
    def settings(self) -> Settings:
        """The part that a release pins."""
        return Settings(**{name: getattr(self, name) for name in Settings.model_fields})


def load_config(
    path: Path | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Return defaults < the file < `GRAFT_*` variables < flags (dotted keys: "retrieve.depth").

    Raises ConfigError, naming the nearest valid key, for a key or value that cannot be used.

    >>> load_config(flags={"retrieve.depth": 50}).retrieve.depth
    50
    """
    values: dict[str, Any] = {}
    if path is not None and path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid TOML ({error}): mend that line") from error
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read ({error.strerror}): make it a file that you may read"
            ) from error
    try:
        return Config.model_validate(_merged(values, explicit(variables=variables, flags=flags)))
    except ValidationError as error:
        raise ConfigError(_explain(error, path, values)) from error


def explicit(
    *, variables: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what `GRAFT_*` variables and flags say, flags last, as nested tables.

    >>> explicit(variables={"GRAFT_RETRIEVE_DEPTH": "5"}, flags={"answer.passages": 2})
    {'retrieve': {'depth': '5'}, 'answer': {'passages': 2}}
    """
    values: dict[str, Any] = {}
    for name, value in _from_variables(os.environ if variables is None else variables):
        _assign(values, name, value)
    for dotted, value in (flags or {}).items():
        _assign(values, tuple(dotted.split(".")), value)
    return values


def override(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Return a release's settings with explicit values over them; other tables are left alone.

    >>> override(Settings(), {"retrieve": {"depth": "5"}, "gate": {"margin": 0}}).retrieve.depth
    5
    """
    named = {name: value for name, value in values.items() if name in Settings.model_fields}
    return Settings.model_validate(_merged(settings.model_dump(), named)) if named else settings


def nested(key: str, value: Any) -> dict[str, Any]:
    """Return a dotted key and its value as tables within tables.

    >>> nested("retrieve.depth", 5)
    {'retrieve': {'depth': 5}}
    """
    values: dict[str, Any] = {}
    _assign(values, tuple(key.split(".")), value)
    return values


def valid_keys(model: type[BaseModel] = Config, prefix: str = "") -> list[str]:
    """Return every dotted key of graft.toml.

    >>> "retrieve.depth" in valid_keys()
    True
    """
    keys = []
    for name, entry in model.model_fields.items():
        if isinstance(entry.annotation, type) and issubclass(entry.annotation, BaseModel):
            keys += valid_keys(entry.annotation, f"{prefix}{name}.")
        else:
            keys.append(prefix + name)
    return keys


def _from_variables(variables: Mapping[str, str]) -> list[tuple[tuple[str, ...], str]]:
    keys = [key.split(".") for key in valid_keys()]
    known = {"GRAFT_" + "_".join(key).upper(): tuple(key) for key in keys}
    found = []
    for name, value in variables.items():
        if name in RESERVED_VARIABLES or not name.startswith("GRAFT_"):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.0)
            raise ConfigError(f"the variable {name} is no setting: did you mean {near[0]}?")
        found.append((known[name], value))
    return found


RESERVED_VARIABLES = frozenset({"GRAFT_CACHE"})
"""Variables with a meaning of their own: GRAFT_CACHE is the folder of converted models."""


def _assign(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put a value, or each of a table's, where its path says."""
    for name in path[:-1]:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise ConfigError(f"setting '{name}' is a value where '{'.'.join(path)}' needs a table")
    if isinstance(value, Mapping):
        value = _merged(values.get(path[-1], {}), value)
    values[path[-1]] = value


def _merged(below: Any, above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two trees of tables as one; what `above` says counts."""
    if not isinstance(below, Mapping):
        raise ConfigError(f"{below!r} stands where a table with {', '.join(above)} was expected")
    merged = dict(below)
    for name, value in above.items():
        table = isinstance(value, Mapping)
        merged[name] = _merged(merged.get(name, {}), value) if table else value
    return merged


def _explain(error: ValidationError, path: Path | None, file: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    table, _, name = key.partition(".")
    held = file.get(table)
    in_file = name in held if isinstance(held, Mapping) and name else table in file
    where = f" in {path}" if in_file else ""
    if first["type"] == "extra_forbidden":
        options = [*valid_keys(), *Config.model_fields]
        near = difflib.get_close_matches(key, options, 1, 0.0)
        return f"unknown setting '{key}'{where}: did you mean '{near[0]}'?"
    told = first["msg"].removeprefix("Value error, ")
    return f"setting '{key}'{where} is {first['input']!r}: {told[0].lower()}{told[1:]}"
