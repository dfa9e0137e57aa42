"""Wire: the one place where configuration becomes objects.

Heavy packages (torch, transformers, sentence-transformers, lancedb) are imported here, inside the
functions that need them, so that what needs no model starts at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from graft.core.config import (
    STARTER,
    Config,
    Dtype,
    EncoderTable,
    GenerateTable,
    SegmentTable,
    Settings,
    explicit,
    load_config,
    override,
)
from graft.core.errors import ConfigError, InputError, ModelError
from graft.core.files import RUNS, Layout
from graft.core.generation import Decoding
from graft.core.hashing import text_hash
from graft.core.index import IndexChoice
from graft.core.ledger import Ledger
from graft.core.mapper import Here, Mapper, Processes
from graft.core.migrations import STEPS
from graft.core.protocols import Encoder, Generator, PassageStore, Reranker, Tokenizer
from graft.core.recipe import Part
from graft.core.release import Releases
from graft.core.runs import Run, read_run, require_digest
from graft.core.space import Segmentation, Space
from graft.generate.prompts import Template, template
from graft.retrieve.line import Line, build, joined, read_line, stage_keys, weights

if TYPE_CHECKING:
    from graft.answer.answerer import Answerer
    from graft.library.store import Library
    from graft.models.causal import Causal
    from graft.models.encoder import SentenceEncoder
    from graft.models.fast_causal import FastCausal
    from graft.models.reranker import CrossEncoderReranker
    from graft.retrieve.stage import Stage

T = TypeVar("T")
S = TypeVar("S", bound=Settings)


@dataclass
class Wiring:
    """An open workspace: where it is, its configuration, and the models it has loaded so far.

    Models are kept by the settings that made them, so that asking twice loads once, from however
    many threads. `explicit` is what variables and flags said, as nested tables: it counts over a
    release's settings.
    """

    layout: Layout
    config: Config
    loaded: dict[Any, Any] = field(default_factory=dict)
    explicit: Mapping[str, Any] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Return what a key stands for, made when it is first asked for."""
        with self.lock:
            if key not in self.loaded:
                self.loaded[key] = make()
            found: T = self.loaded[key]
            return found

    @property
    def releases(self) -> Releases:
        return Releases(self.layout.releases)

    @property
    def ledger(self) -> Ledger:
        return self.once("ledger", lambda: Ledger(self.layout.ledger))


def open_workspace(root: Path, flags: Mapping[str, Any] | None = None) -> Wiring:
    """Open a workspace's folder, checking its format and its settings.

    Raises InputError for what is no folder, ConfigError for a setting that cannot be used,
    FormatError for a newer workspace.
    """
    layout = Layout(require_folder(root))
    config = read_config(layout, flags)
    layout.open(STEPS)
    return Wiring(layout, config, explicit=explicit(flags=flags, more=stage_keys))


def read_config(layout: Layout, flags: Mapping[str, Any] | None = None) -> Config:
    """Return a workspace's configuration, its pipeline resolved. Raises ConfigError."""
    return resolved(load_config(layout.config, flags=flags, more=stage_keys))


def line_of(settings: Settings) -> Line:
    """Return the retrieval of settings as one line. Raises ConfigError where it cannot be used."""
    return read_line(settings.retrieve.pipeline, settings.retrieve.stages)


def with_line(settings: S, line: Line) -> S:
    """Return the settings with another line as their retrieval."""
    new = {"pipeline": line.text, "stages": line.stages}
    return settings.model_copy(update={"retrieve": settings.retrieve.model_copy(update=new)})


def resolved(settings: S) -> S:
    """Return the settings with their line as it is written, and all settings of its stages.

    What a release pins is resolved, so that a later default changes nothing in it. Which engine
    computes is the machine's matter, as the configuration says, and no release's.
    """
    made = with_line(settings, line_of(settings))
    if isinstance(made, Config):
        return made
    encoder = made.encoder.model_copy(update={"engine": EncoderTable().engine})
    generate = made.generate.model_copy(update={"engine": GenerateTable().engine})
    return made.model_copy(update={"encoder": encoder, "generate": generate})


def with_changes(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return the settings with what a run changes in them: dotted keys and their new values.

    "{}" in a text stands for the present value: "{} >> rerank" appends a stage to the pipeline,
    and leaves one that has it as it is. Raises ConfigError for what cannot be set so.

    >>> with_changes(Settings(), {"retrieve.pipeline": "{} >> rerank"}).retrieve.pipeline
    'follow_up >> dense + bm25 >> rerank'
    """
    held, said = settings.model_dump(), dict(changes)
    for key, value in changes.items():
        if isinstance(value, str) and "{}" in value:
            present: Any = held
            for name in key.split("."):
                present = present.get(name, "") if isinstance(present, Mapping) else ""
            line = key == "retrieve.pipeline"
            said[key] = joined(value, present) if line else value.replace("{}", str(present))
    return resolved(override(settings, explicit(variables={}, flags=said)))


def require_folder(root: Path) -> Path:
    """Return a workspace's folder, which need not be there yet. Raises InputError for a file."""
    there = next(path for path in (root, *root.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError(f"{there} is a file where a workspace's folder was expected: name another")
    return root


def library(w: Wiring) -> Library:
    """Return the library at its published version; opened again only after a publish."""
    from graft.library.store import Library

    with w.lock:
        held = w.loaded.get("library")
        if held is None or held.stale():
            held = w.loaded["library"] = Library.open(w.layout.library, index=index(w))
        opened: Library = held
        return opened


def index(w: Wiring) -> IndexChoice | None:
    """Return the index that candidates come from, None for the library's own tables.

    Raises ConfigError for a name that no package offers.
    """
    table = w.config.ingest
    if table.index == "lance":
        return None
    from graft.library.indexes import INDEXES

    return IndexChoice(INDEXES.named(table.index), table.index_url)


def mapper(w: Wiring, work: Literal["read", "encode"]) -> Mapper:
    """Return what does a kind of work side by side: another one (a cluster's) is put in here.

    Files are read in processes that may crash or hang alone; passages are encoded in this one,
    since each other would load the model for itself.
    """
    if work == "encode":
        return Here()
    from graft.library.parse import is_read_here, memory_for, seconds_for

    return Processes(
        min(2, os.cpu_count() or 1),
        seconds=seconds_for,
        memory=memory_for(int(w.config.ingest.max_megabytes * 2**20)),
        here=is_read_here,
    )


def reading(w: Wiring, settings: Settings) -> Library:
    """Return the published library as these settings search it: by their segmentation."""
    return library(w).using(segmentation(settings.segment).id)


def segmentation(table: SegmentTable) -> Segmentation:
    """Return how documents are cut."""
    return Segmentation(**table.model_dump())


def tokenizer(w: Wiring, name: str) -> Tokenizer:
    """Return the tokenizer that segmentation counts with."""
    from graft.models.tokenizer import load_tokenizer

    return w.once(("tokenizer", name), lambda: load_tokenizer(w.layout.model_path(name)))


def run_of(w: Wiring, name: str) -> Run | None:
    """Return the run that a model's setting names (runs/ID), or None for any other name."""
    return read_run(Path(w.layout.model_path(name))) if name.startswith(RUNS) else None


def weights_path(w: Wiring, name: str, part: Part) -> str:
    """Return what a model's setting points at: a run's weights, a local folder, or the name."""
    run = run_of(w, name)
    return str(run.weights_of(part)) if run else w.layout.model_path(name)


def _probed(w: Wiring, name: str, part: Part, model: T) -> T:
    """Return a loaded model. Raises ModelError when it is a run's and not as it was trained."""
    from graft.models.probe import require_probe

    if run := run_of(w, name):
        artefact = run.artefact(part)
        require_probe(artefact.probe, model, name)
        if artefact.probe is None or not artefact.probe.tells:
            require_digest(artefact, run.folder)
    return model


def encoder(w: Wiring, table: EncoderTable) -> Encoder:
    """Return the encoder of these settings, by the engine that the configuration names."""

    from graft.models.shortened import shortened

    def make() -> Encoder:
        from graft.models.fast import FastEncoder, by_engine
        from graft.models.loading import resolve

        def write(target: Path) -> None:
            from graft.models.export import export_encoder

            export_encoder(_load_encoder(w, table, device="cpu"), target, dtype=table.dtype)

        ir = by_engine(
            w.config.encoder.engine,
            lambda: [resolve(encoder_folder(w, table), marker="modules.json")],
            [table.query_prefix, table.passage_prefix, table.max_tokens],
            write,
            dtype=table.dtype,
        )
        if ir is None:
            return replace(torch_encoder(w, table), dtype=table.dtype)
        return _probed(w, table.model, "retriever", FastEncoder(ir, table.model))

    return shortened(w.once(("encoder", table), make), table.dimensions)


def torch_encoder(w: Wiring, table: EncoderTable) -> SentenceEncoder:
    """Return the encoder of these settings as a torch module in float32, which can be trained."""
    plain = table.model_copy(update={"dtype": "float32"})
    return w.once(
        ("torch encoder", plain),
        lambda: _probed(w, table.model, "retriever", _load_encoder(w, plain)),
    )


def _load_encoder(w: Wiring, table: EncoderTable, *, device: str = "") -> SentenceEncoder:
    from graft.models.encoder import load_encoder

    return load_encoder(
        weights_path(w, table.model, "retriever"),
        query_prefix=table.query_prefix,
        passage_prefix=table.passage_prefix,
        max_tokens=table.max_tokens,
        device=device,
    )


def encoder_folder(w: Wiring, table: EncoderTable) -> str:
    """Return the folder of an encoder's weights, the starter's included."""
    from graft.models.starter import starter_encoder

    return (
        str(starter_encoder())
        if table.model == STARTER
        else weights_path(w, table.model, "retriever")
    )


def space(w: Wiring, settings: Settings) -> Space:
    """Return the space that these settings search in."""
    made = encoder(w, settings.encoder)
    cut = segmentation(settings.segment)
    return Space(cut.id, settings.encoder.model, made.digest, made.dimensions)


def reranker(w: Wiring, name: str, dtype: Dtype) -> Reranker:
    """Return the reranker of this name (a run, a folder or a hub name), by the encoder's engine."""

    def make() -> Reranker:
        from graft.models.fast import FastReranker, by_engine
        from graft.models.loading import resolve

        def write(target: Path) -> None:
            from graft.models.export import export_reranker
            from graft.models.reranker import load_reranker

            export_reranker(load_reranker(folder, device="cpu"), target, dtype=dtype)

        folder = weights_path(w, name, "reranker")
        ir = by_engine(
            w.config.encoder.engine, lambda: [resolve(folder, marker="config.json")], [], write,
            dtype=dtype,
        )  # fmt: skip
        if ir is None:
            return replace(torch_reranker(w, name), dtype=dtype)
        return _probed(w, name, "reranker", FastReranker(ir, name))

    return w.once(("reranker", name, dtype), make)


def torch_reranker(w: Wiring, name: str) -> CrossEncoderReranker:
    """Return the reranker of this name as a torch module in float32, which can be trained."""
    from graft.models.reranker import load_reranker

    return w.once(
        ("torch reranker", name),
        lambda: _probed(w, name, "reranker", load_reranker(weights_path(w, name, "reranker"))),
    )


def causal(w: Wiring, table: GenerateTable) -> Causal:
    """Return the local base model of these settings; adapters are loaded on it by `generator`."""
    from graft.models.causal import load_causal

    _, _, dtype = key = _causal_key(table)
    return w.once(key, lambda: load_causal(weights_path(w, table.model, "generator"), dtype=dtype))


def _causal_key(table: GenerateTable) -> tuple[str, str, str]:
    # What is in int8 is trained, and made of, weights that are not.
    return "causal", table.model, "auto" if table.dtype == "int8" else table.dtype


def fast_causal(w: Wiring, table: GenerateTable, *, waited: bool) -> FastCausal | None:
    """Return the local model of these settings by OpenVINO, or None where torch is to compute it.

    The engine is the configuration's; `waited` as for `generator`. Raises ConfigError for a number
    format that the engine has not, and what `by_engine` does.
    """
    from graft.models.fast import by_engine, writes_sooner

    engine, int8 = w.config.generate.engine, table.dtype == "int8"
    if (engine, table.dtype) in (("torch", "int8"), ("openvino", "bfloat16")):
        raise ConfigError(
            f"generate.engine is {engine!r} with generate.dtype {table.dtype!r}: int8 is computed "
            "by openvino alone, and bfloat16 by torch"
        )
    if engine == "auto" and not int8 and not (waited and writes_sooner(table.dtype)):
        return None

    def make() -> FastCausal | None:
        from graft.models.fast_causal import FastCausal

        run = run_of(w, table.adapter) if table.adapter else None
        adapter = weights_path(w, table.adapter, "generator") if table.adapter else ""

        def folders() -> list[str]:
            from graft.models.loading import resolve
            from graft.models.starter import starter_generator

            name = weights_path(w, table.model, "generator")
            base = str(starter_generator()) if name == STARTER else name
            own = [resolve(adapter, marker=".")] if adapter else []  # of whatever kind
            return [resolve(base, marker="config.json"), *own]

        def write(target: Path) -> None:
            from graft.models.adapter import adapter_of
            from graft.models.causal import load_causal
            from graft.models.export_causal import export_causal

            base = load_causal(
                weights_path(w, table.model, "generator"), dtype="float32", device="cpu"
            )
            if adapter:
                kind = adapter_of(run.recipe.adapter) if run else None
                base.load_adapter("served", adapter, kind)
            export_causal(base, target, int8=int8)

        ir = by_engine(
            # No other engine has int8.
            "openvino" if int8 else engine,
            folders,
            [table.dtype] if int8 else [],
            write,
        )
        if ir is None:
            return None
        made = FastCausal(ir, table.model, table.adapter)
        return _probed(w, table.adapter, "generator", made)

    return w.once(("fast causal", engine, table.model, table.adapter, int8), make)


def base_digest(w: Wiring, table: GenerateTable) -> str:
    """Return the digest of the local base model of these settings, adapters left aside."""
    model = causal(w, table)
    with model.without_adapter():
        return model.digest


def generator(w: Wiring, table: GenerateTable, *, waited: bool = False) -> Generator:
    """Return the local or remote generator of these settings.

    `waited` says that somebody waits for each answer: where the engine is left open, one text at
    a time is OpenVINO's, and texts in batches are torch's. Raises ConfigError for a key's variable
    that is not set, or an adapter on a remote model.
    """
    if table.url:
        return _remote(table)
    from graft.generate.local import LocalGenerator

    fast = fast_causal(w, table, waited=waited)
    local: Generator = LocalGenerator(
        fast or causal(w, table),
        adapter=None if fast else loaded_adapter(w, table),
        batch_tokens=table.batch_tokens,
        context_tokens=table.context_tokens,
    )
    return local


def loaded_adapter(w: Wiring, table: GenerateTable) -> str:
    """Return the name under which the local base has the adapter of these settings ("" is none)."""
    from graft.models.adapter import adapter_of

    base = causal(w, table)
    # A name of its own for each setting, that PEFT takes and that no training uses.
    name = f"served-{text_hash(table.adapter)[:16]}" if table.adapter else ""
    with w.lock:
        if name and name not in base.adapters:
            try:
                run = run_of(w, table.adapter)
                kind = adapter_of(run.recipe.adapter) if run else None
                base.load_adapter(name, weights_path(w, table.adapter, "generator"), kind)
                # Whoever asks beside this load must not change the adapter under the probe.
                with base.using(name):
                    _probed(w, table.adapter, "generator", base)
            except ModelError:
                # What has been put on it halfway must serve nobody: the base is loaded anew.
                w.loaded.pop(_causal_key(table), None)
                raise
    return name


def _remote(table: GenerateTable) -> Generator:
    from graft.generate.remote import RemoteGenerator

    if table.adapter:
        raise ConfigError(
            f"generate.adapter is {table.adapter!r} with a remote generate.url: serve the adapter "
            "at the endpoint and name it in generate.model"
        )
    key = os.environ.get(table.api_key_env, "") if table.api_key_env else ""
    if table.api_key_env and not key:
        raise ConfigError(
            f"generate.api_key_env names {table.api_key_env}, which is not set: export it"
        )
    return RemoteGenerator(
        table.url,
        table.model,
        api_key=key,
        timeout=table.timeout,
        retries=table.retries,
        context_tokens=table.context_tokens,
    )


def pipeline(
    w: Wiring, settings: Settings, held: Library, *, limit: int = 0, waited: bool = False
) -> Stage:
    """Return the whole retrieval of these settings: their line, cut, and the texts of its hits.

    `limit` is how many hits come out; 0 is the settings' `answer.passages`. `waited` as for
    `generator`, for stages that write.
    """
    from graft.retrieve.stages.fetch import Fetch

    parts = _Parts(w, settings, held.using(segmentation(settings.segment).id), waited)
    line = build(line_of(settings), parts)
    return line % (limit or settings.answer.passages) >> Fetch(parts.store)


def fusion_weights(w: Wiring, settings: Settings, held: Library) -> dict[str, float]:
    """Return what each leg counts in the fusion of these settings: as set, or as a run fitted it.

    Retrieval that fuses nothing has none.
    """
    return weights(line_of(settings), _Parts(w, settings, held))


@dataclass(frozen=True)
class _Parts:
    """What stages are built from: a `retrieve.kind.Parts` of a workspace."""

    w: Wiring
    settings: Settings
    store: PassageStore
    waited: bool = False

    @property
    def encoder(self) -> Encoder:
        return encoder(self.w, self.settings.encoder)

    @property
    def generator(self) -> Generator:
        return generator(self.w, self.settings.generate, waited=self.waited)

    @property
    def depth(self) -> int:
        return self.settings.retrieve.depth

    def reranker(self, name: str) -> Reranker:
        return reranker(self.w, name, self.settings.encoder.dtype)

    def folder(self, name: str) -> Path:
        return Path(weights_path(self.w, name, "fusion"))


def decoding(table: GenerateTable) -> Decoding:
    """Return how these settings draw text."""
    return Decoding(
        max_new_tokens=table.max_new_tokens, temperature=table.temperature, seed=table.seed
    )


def prompt_of(w: Wiring, name: str) -> Template:
    """Return a prompt template as the release in use pins it, or else as Graft brings it."""
    number = w.releases.current_number()
    own = w.releases.get(number).prompts.get(name) if number is not None else None
    return Template(**own) if own else template(name)


def answerer(
    w: Wiring, settings: Settings, held: Library, *, release: str = "",
    prompts: Mapping[str, Mapping[str, str]] | None = None, waited: bool = False,
) -> Answerer:  # fmt: skip
    """Return the one path from a question to an answer; a release's own prompts win.

    `waited` as for `generator`.
    """
    from graft.answer.answerer import Answerer, considered

    name = settings.answer.prompt
    own = (prompts or {}).get(name)
    return Answerer(
        retrieve=pipeline(
            w, settings, held, limit=considered(settings.answer.passages), waited=waited
        ),
        generator=generator(w, settings.generate, waited=waited),
        store=held.using(segmentation(settings.segment).id),
        template=Template(**own) if own else prompt_of(w, name),
        passages=settings.answer.passages,
        decoding=decoding(settings.generate),
        decline_threshold=settings.answer.decline_threshold,
        release=release,
    )
