"""What writes: local generators, by torch or OpenVINO with their adapters, and remote ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from graft.core.config import (
    STARTER,
    GenerateTable,
)
from graft.core.errors import ConfigError, ModelError
from graft.core.generation import Decoding
from graft.core.hashing import text_hash
from graft.core.protocols import Generator
from graft.generate.prompts import Template, template
from graft.wire.ranking import probed, run_of, weights_path
from graft.wire.workspace import Wiring

if TYPE_CHECKING:
    from graft.models.causal import Causal
    from graft.models.fast_causal import FastCausal


def causal(w: Wiring, table: GenerateTable) -> Causal:
    """Return the local base model of these settings; adapters are loaded on it by `generator`."""
    from graft.models.causal import load_causal

    return w.once(
        causal_key(table),
        lambda: load_causal(weights_path(w, table.model, "generator"), dtype=table.dtype),
    )


def causal_key(table: GenerateTable) -> tuple[str, str, str]:
    """Return what the local base model of these settings is kept by."""
    return "causal", table.model, table.dtype


def fast_causal(w: Wiring, table: GenerateTable) -> FastCausal | None:
    """Return the local model of these settings by OpenVINO, or None where torch is to compute it.

    The engine is the configuration's; left open it is torch, since a model takes a minute to be
    written for the other. Raises ConfigError for bfloat16, and what `written` does.
    """
    from graft.models.fast import written

    if w.config.generate.engine != "openvino":
        return None
    if table.dtype == "bfloat16":
        raise ConfigError(
            "generate.engine is openvino with generate.dtype = bfloat16, which torch alone computes"
            " in: set the engine to torch, or the dtype to auto or float32"
        )

    def make() -> FastCausal:
        from graft.models.fast_causal import FastCausal
        from graft.models.loading import resolve
        from graft.models.starter import starter_generator

        run = run_of(w, table.adapter) if table.adapter else None
        adapter = weights_path(w, table.adapter, "generator") if table.adapter else ""
        model = weights_path(w, table.model, "generator")
        base = str(starter_generator()) if model == STARTER else model
        folders = [resolve(base, marker="config.json")]
        if adapter:
            folders.append(resolve(adapter, marker="."))  # of whatever kind

        def write(target: Path) -> None:
            from graft.models.adapter import adapter_of
            from graft.models.causal import load_causal
            from graft.models.export_causal import export_causal

            causal = load_causal(model, dtype="float32", device="cpu")
            if adapter:
                kind = adapter_of(run.recipe.adapter) if run else None
                causal.load_adapter("served", adapter, kind)
            export_causal(causal, target)

        ir = written([Path(folder) for folder in folders], [], write)
        return probed(w, table.adapter, "generator", FastCausal(ir, table.model, table.adapter))

    return w.once(("fast causal", table.model, table.adapter), make)


def base_digest(w: Wiring, table: GenerateTable) -> str:
    """Return the digest of the local base model of these settings, adapters left aside."""
    model = causal(w, table)
    with model.without_adapter():
        return model.digest


def generator(w: Wiring, table: GenerateTable) -> Generator:
    """Return the local or remote generator of these settings.

    Raises ConfigError for a key's variable that is not set, or an adapter on a remote model.
    """
    if table.url:
        return _remote(table)
    from graft.generate.local import LocalGenerator

    fast = fast_causal(w, table)
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
                    probed(w, table.adapter, "generator", base)
            except ModelError:
                # What has been put on it halfway must serve nobody: the base is loaded anew.
                w.loaded.pop(causal_key(table), None)
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
