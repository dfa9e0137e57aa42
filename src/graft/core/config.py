"""Configuration: defaults < graft.toml < GRAFT_* variables < flags. An unknown key is an error.

Every table of graft.toml is one model here; `Settings` are those that a release pins. A variable
is named `GRAFT_<TABLE>_<KEY>`, as in `GRAFT_RETRIEVE_DEPTH=50` or `GRAFT_TUNE_GENERATOR_EPOCHS=2`.
In a variable or a flag, a list is written with commas. Variables and flags are explicit: they count
over a release's settings too, where graft.toml waits until it is put into use.
Secrets are never values: a setting names the variable that holds one.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from graft.core.errors import ConfigError, nearest
from graft.core.measure import measure_named, name_now
from graft.core.migrations.releases import retrieve_to_2
from graft.core.recipe import Part
from graft.core.space import CODED_FROM, Coded, Dtype
from graft.core.table import Table, checked, keys_of, problem

STARTER = "starter"
"""The name of the two models that come from the package index."""


def _known_measures(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        # "utility@1.0" is the measure "utility@1".
        return tuple(measure_named(name_now(name)).name for name in names)
    except ConfigError as error:
        raise ValueError(str(error)) from error


Measures = Annotated[tuple[str, ...], AfterValidator(_known_measures)]
"""Names of measures; one that there is none of is answered with the nearest."""


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
    """Tokens of the passage before that are repeated; at most a third of max_tokens."""

    @model_validator(mode="after")
    def _leave_room(self) -> SegmentTable:
        if self.overlap > self.max_tokens // 3:
            raise ValueError(
                f"overlap is {self.overlap} and may be at most a third of max_tokens "
                f"({self.max_tokens}): lower it"
            )
        return self


class EncoderTable(Table):
    model: str = STARTER
    """"starter", a folder, a hub name, or a run of `graft tune retriever` (runs/ID)."""
    query_prefix: str = ""
    """Put before each query, as E5 and BGE expect."""
    passage_prefix: str = ""
    max_tokens: int = Field(0, ge=0)
    """Cut texts here; 0 is the model's own limit."""
    dimensions: int = Field(0, ge=0)
    """Keep so many of a vector's dimensions, the first, at unit length, as models trained for it
    allow (Matryoshka); 0 keeps all. Documents are encoded anew."""
    engine: Literal["auto", "torch", "openvino"] = "auto"
    """What computes this model, and rerankers: auto is OpenVINO where it is installed
    (`pip install graft-rag[fast]`) and there is no GPU. Vectors are the same to rounding."""
    dtype: Dtype = "float32"
    """The numbers that this model, and rerankers, compute in. Unlike the engine it is part of a
    release: other numbers are other vectors, and a space of their own. bfloat16 pays where the
    processor or the GPU has it."""


class RetrieveTable(Table):
    pipeline: str = "follow_up >> dense + bm25"
    """The retrieval in one line: `a >> b` is one stage after the other, `a + 0.7 * b` their fusion
    by rank, `a % 10` the first ten hits. Stages have a table each, [retrieve.stages.NAME]."""
    depth: int = Field(100, ge=1)
    """Candidates each leaf brings, unless its own table says so."""
    stages: dict[str, dict[str, Any]] = Field({})
    """The settings of stages by name; `graft.retrieve.line` knows the keys of each."""

    @field_validator("stages")
    @classmethod
    def _said(cls, stages: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Leave out tables that say nothing, as `graft init` writes them."""
        return {name: table for name, table in stages.items() if table}

    @model_validator(mode="before")
    @classmethod
    def _gone(cls, values: Any) -> Any:
        gone = [key for key in GONE if key in values] if isinstance(values, Mapping) else []
        if gone:
            raise PydanticCustomError("gone", "{told}", {"told": _instead(gone, values)})
        return values


GONE = ("dense_weight", "bm25_weight", "fusion", "rrf_k", "reranker", "rerank_depth")
"""Settings of [retrieve] until format 2, which the line and the tables of stages took over."""


def _instead(gone: Sequence[str], values: Mapping[str, Any]) -> str:
    """Return what to write in the place of settings that went."""
    new = retrieve_to_2({key: values[key] for key in (*gone, "pipeline") if key in values})
    lines = []
    if set(gone) & {"dense_weight", "bm25_weight"} or values.get("reranker"):
        lines.append(f"retrieve.pipeline = {json.dumps(new['pipeline'])}")
    for name, table in new["stages"].items():
        lines += [f"retrieve.stages.{name}.{k} = {json.dumps(v)}" for k, v in table.items()]
    names = ", ".join(f"retrieve.{key}" for key in gone)
    what = f"write {' and '.join(lines)}" if lines else "take it out"
    return f"{names} went, since retrieval is one line and a table a stage: {what}"


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
    engine: Literal["auto", "torch", "openvino"] = "auto"
    """What computes a local model: auto is torch. OpenVINO (`pip install graft-rag[fast]`) starts
    an answer without torch and writes faster, reads slower, and is for who waits for single
    answers; writing a model for it takes a minute once. In float32 texts are the same to
    rounding."""
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
    """Answers whose confidence is less decline (abstain, in selective prediction); fitted on dev by
    `graft adapt`."""
    sureness: float = Field(0.0, ge=0, le=1)
    """How much the least likely token of an answer counts in its confidence, as a power of its
    probability: 0 is not at all. Fitted on dev by `graft adapt`; a remote model tells none."""


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
    ann_from: int = Field(CODED_FROM, ge=1000)
    """Passages from which codes of vectors are compared first; below it all vectors are."""
    vectors: Coded = "auto"
    """What is compared first: "binary" (a bit a dimension), "int8" (a byte), or "float32" for all
    vectors whole. Those that come near are compared whole. "auto" is binary where it finds .95 of
    the ten nearest to noisy copies of stored vectors, as is measured at the ingest, else int8,
    else float32; where a corpus is many near copies, "float32" misses nothing."""
    index: str = "lance"
    """Where candidates are found: "lance", or an index that a package brings."""
    index_url: str = ""
    """The server of an index that has one."""


class ExamplesTable(Table):
    per_document: int = Field(4, ge=1)
    """Questions kept from one document at most."""
    limit: int = Field(400, ge=1)
    """Questions kept in all at most."""
    unanswerable: float = Field(0.15, ge=0, lt=1)
    """Share of unanswerable questions among those made; they are made from answerable ones."""
    makers: dict[str, Annotated[float, Field(ge=0)]] = Field({})
    """How many of the answerable questions each maker makes, beside the others: shares by name,
    over those that `graft.examples.maker` knows. 0 leaves a maker out."""
    dev: float = Field(0.15, gt=0, lt=1)
    """Share of the questions on training documents kept for dev."""
    test_seen: float = Field(0.15, gt=0, lt=1)
    test_new: float = Field(0.0, ge=0, lt=1)
    """Share of documents (by group) that are never trained on; 0 is a quarter, and up to a half
    where the gate takes more questions."""

    @model_validator(mode="before")
    @classmethod
    def _gone(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "free" in values:
            told = (
                "examples.free went, since every maker of questions has a share: write "
                "examples.makers.heading and examples.makers.gap for those that headings and cut "
                "out answers give"
            )
            raise PydanticCustomError("gone", "{told}", {"told": told})
        return values

    @model_validator(mode="after")
    def _leave_room(self) -> ExamplesTable:
        kept = self.dev + self.test_seen
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
    distractors_only: float = Field(0.0, ge=0, le=1)
    """Share of prompts without evidence (of unanswerable questions first, then of others that are
    shown distractors alone), whose target is to write nothing. They cost answers."""
    max_tokens: int = Field(1024, ge=64)
    patience: int = Field(2, ge=1)
    """Looks at dev without a gain after which training stops."""


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
    """Test questions a split at most; 0 takes all. What the gate of adapt judges is asked all."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    smallest_n: int = Field(20, ge=2)
    """Fewer questions than this, and a difference says that the set is too small to tell."""
    measures: Measures = ()
    """Measures to take beside all that `graft evaluate --help` lists, such as nDCG@20."""
    few_shot: int = Field(2, ge=0)
    """Worked examples in the prompt of the style control."""
    strict: bool = False
    """Whether one question that was trained on ends an evaluation; else it is left out."""

    @model_validator(mode="before")
    @classmethod
    def _gone(cls, values: Any) -> Any:
        # How many were drawn behind an interval; none is drawn any more, and nothing else changed.
        if isinstance(values, Mapping):
            return {key: value for key, value in values.items() if key != "resamples"}
        return values


class GateTable(Table):
    improve: Measures = Field(("answer_f1",), min_length=1)
    """Measures whose difference must lie above zero."""
    guard: Measures = ("unsupported", "Recall@10")
    """Measures that must not be inferior, beside the utility and the right answers."""
    margin: float = Field(0.05, ge=0)
    """How far below zero the lower bound of a guarded difference may lie: a share of the measure's
    range, which of the utility is 1 + wrong_costs."""
    wrong_costs: float = Field(1.0, ge=0, le=100)
    """What a wrong answer costs in the utility, where a right one is worth 1 and a decline 0."""
    split: Literal["test-new", "test-seen"] = "test-new"

    @property
    def measures(self) -> tuple[str, ...]:
        """What the gate looks at, each once: what must improve, then what is guarded."""
        return tuple(dict.fromkeys([*self.improve, *self.guarded]))

    @property
    def guarded(self) -> tuple[str, ...]:
        """What must not fall, without what must improve: always the utility, which who answers
        at random loses, and the right answers, which who declines loses; and what else is named."""
        named = dict.fromkeys([f"utility@{self.wrong_costs:g}", "right_answers", *self.guard])
        return tuple(name for name in named if name not in self.improve)


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


Keys = Callable[[], Iterable[str]]
"""Asked for dotted keys beside those of `Config`, such as those of the stages' tables."""


def load_config(
    path: Path | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    more: Keys = tuple,
) -> Config:
    """Return defaults < the file < `GRAFT_*` variables < flags (dotted keys: "retrieve.depth").

    `more` tells further keys that a variable may name; it is asked where one is none of these.
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
        said = explicit(variables=variables, flags=flags, more=more)
        return Config.model_validate(_merged(values, said))
    except ValidationError as error:
        raise ConfigError(_explain(error, path, values)) from error


def explicit(
    *,
    variables: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    more: Keys = tuple,
) -> dict[str, Any]:
    """Return what `GRAFT_*` variables and flags say, flags last, as nested tables.

    >>> explicit(variables={"GRAFT_RETRIEVE_DEPTH": "5"}, flags={"answer.passages": 2})
    {'retrieve': {'depth': '5'}, 'answer': {'passages': 2}}
    """
    values: dict[str, Any] = {}
    for name, value in _from_variables(os.environ if variables is None else variables, more):
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
    return checked(Settings, _merged(settings.model_dump(), named), "") if named else settings


def valid_keys() -> list[str]:
    """Return every dotted key of graft.toml but those of the stages, which the stages know.

    >>> "retrieve.depth" in valid_keys()
    True
    """
    return keys_of(Config)


def _from_variables(variables: Mapping[str, str], more: Keys) -> list[tuple[tuple[str, ...], str]]:
    known = _variables([*valid_keys(), "examples.free", *(f"retrieve.{key}" for key in GONE)])
    found = []
    for name, value in variables.items():
        if name in RESERVED_VARIABLES or not name.startswith("GRAFT_"):
            continue
        if name not in known:
            known |= _variables(more())
        if name not in known:
            near = nearest(name, known, likeness=0.0)
            raise ConfigError(f"the variable {name} is no setting: did you mean {near}?")
        found.append((known[name], value))
    return found


def _variables(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {"GRAFT_" + key.replace(".", "_").upper(): tuple(key.split(".")) for key in keys}


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
    table, *rest = (str(part) for part in error.errors()[0]["loc"])
    held = file.get(table)
    in_file = rest[0] in held if isinstance(held, Mapping) and rest else table in file
    options = [*valid_keys(), *Config.model_fields]
    return problem(error, options, where=f" in {path}" if in_file else "")
