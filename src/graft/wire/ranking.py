"""What ranks: tokenizers, encoders and rerankers, by the engine that the configuration names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from graft.core.config import (
    STARTER,
    EncoderTable,
    Settings,
)
from graft.core.files import RUNS
from graft.core.protocols import Encoder, Reranker, Tokenizer
from graft.core.recipe import Part
from graft.core.runs import Run, read_run, require_digest
from graft.core.space import Dtype, Space
from graft.wire.workspace import Wiring, segmentation

if TYPE_CHECKING:
    from graft.models.encoder import SentenceEncoder
    from graft.models.reranker import CrossEncoderReranker

T = TypeVar("T")


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


def probed(w: Wiring, name: str, part: Part, model: T) -> T:
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
            lambda: resolve(encoder_folder(w, table), marker="modules.json"),
            [table.query_prefix, table.passage_prefix, table.max_tokens],
            write,
            dtype=table.dtype,
        )
        if ir is None:
            return replace(torch_encoder(w, table), dtype=table.dtype)
        return probed(w, table.model, "retriever", FastEncoder(ir, table.model))

    return shortened(w.once(("encoder", table), make), table.dimensions)


def torch_encoder(w: Wiring, table: EncoderTable) -> SentenceEncoder:
    """Return the encoder of these settings as a torch module in float32, which can be trained."""
    plain = table.model_copy(update={"dtype": "float32"})
    return w.once(
        ("torch encoder", plain),
        lambda: probed(w, table.model, "retriever", _load_encoder(w, plain)),
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
            w.config.encoder.engine, lambda: resolve(folder, marker="config.json"), [], write,
            dtype=dtype,
        )  # fmt: skip
        if ir is None:
            return replace(torch_reranker(w, name), dtype=dtype)
        return probed(w, name, "reranker", FastReranker(ir, name))

    return w.once(("reranker", name, dtype), make)


def torch_reranker(w: Wiring, name: str) -> CrossEncoderReranker:
    """Return the reranker of this name as a torch module in float32, which can be trained."""
    from graft.models.reranker import load_reranker

    return w.once(
        ("torch reranker", name),
        lambda: probed(w, name, "reranker", load_reranker(weights_path(w, name, "reranker"))),
    )
