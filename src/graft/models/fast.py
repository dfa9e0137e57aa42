"""Fast: encoders and rerankers by OpenVINO, behind the protocols; loaded without torch.

What torch's modules say is written once into the cache (`graft.models.export`), keyed by the
model's files and by what changes its numbers, and read from there ever after.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from graft.core.errors import ConfigError, SetupError
from graft.core.files import drop_stale, write_atomic
from graft.core.hashing import value_hash
from graft.core.protocols import Vectors
from graft.core.space import Dtype
from graft.models.ir import Ir, Refused, computes_bfloat16, openvino
from graft.models.starter import cache_folder

Engine = Literal["auto", "torch", "openvino"]

EXPORT = 1
"""Raised when what is written changes, so that what an older Graft wrote is not read."""

BATCH_TOKENS = 4096
"""Padded tokens of one batch."""

REFUSED = ".refused"
"""The end of a file that says why a model was not written: it is not tried each time."""


KEPT_DAYS = 90
"""How long a written model is kept that no process loads."""

BUILDING = ".building-"
"""How the name of a folder begins that is being written."""


@dataclass(frozen=True)
class _ByIr:
    """A model by OpenVINO, under a name."""

    ir: Ir
    name: str
    batch_tokens: int = BATCH_TOKENS

    @property
    def digest(self) -> str:
        """The digest of the torch module whose numbers these are."""
        return str(self.ir.about["digest"])


@dataclass(frozen=True)
class FastEncoder(_ByIr):
    """An encoder by OpenVINO; vectors equal those of its torch module to rounding."""

    @property
    def dimensions(self) -> int:
        return int(self.ir.about["width"])

    @property
    def max_tokens(self) -> int:
        return self.ir.limit

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, "query_prefix")

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, "passage_prefix")

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        prefix = self.ir.about["passage_prefix"]
        return self.ir.lengths([prefix + text for text in texts])

    def vector(self, text: str, tokens: int) -> Vectors:
        """Return the vector of a text as it is, read to so many tokens: `(dimensions,)`."""
        return self.ir.run([text], self.batch_tokens, limit=tokens).reshape(-1)

    def _encode(self, texts: Sequence[str], prefix: str) -> Vectors:
        said = self.ir.about[prefix]
        return self.ir.run([said + text for text in texts], self.batch_tokens)


@dataclass(frozen=True)
class FastReranker(_ByIr):
    """A cross-encoder by OpenVINO; scores equal those of its torch module to rounding."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self.ir.run(pairs, self.batch_tokens)[:, 0]
        return scores


def by_engine(
    engine: Engine, folder: Callable[[], str], said: Sequence[Any],
    write: Callable[[Path], object], *, dtype: Dtype = "float32",
) -> Ir | None:  # fmt: skip
    """Return a model as OpenVINO reads it, or None where torch is to compute it.

    `folder` finds the model's files, `said` is what else changes its numbers, and `write` puts it
    into the cache where it is not there. Left open (auto), what OpenVINO does not take is torch's;
    otherwise raises ModelError for it, MissingExtra where OpenVINO is not installed, and
    ConfigError where it does not compute in such numbers here.
    """
    try:
        if not takes(engine, dtype):
            return None
        more = [] if dtype == "float32" else [dtype]
        return written([Path(folder())], [*said, *more], write)
    except (SetupError, OSError, ValueError, ImportError):
        if engine == "openvino":
            raise
        return None


def takes(engine: Engine, dtype: Dtype) -> bool:
    """Return whether models go through OpenVINO: where asked for, or installed without a GPU.

    Torch is not asked for the GPU, since importing it is what this saves. bfloat16 is OpenVINO's
    where it computes in it. Raises ConfigError where it is asked for and does not.
    """
    if engine == "openvino":
        if dtype == "bfloat16" and not computes_bfloat16():
            raise ConfigError(
                "encoder.dtype is bfloat16 with encoder.engine = openvino, which does not compute "
                "in it on this processor: set the engine to auto or torch, or the dtype to float32"
            )
        return True
    if engine == "torch":
        return False
    gpu = sys.platform == "darwin" or any(map(os.path.exists, ("/dev/nvidia0", "/dev/kfd")))
    there = find_spec("openvino") is not None and not (gpu or shutil.which("nvidia-smi"))
    return there and (dtype == "float32" or computes_bfloat16())


def written(models: Sequence[Path], said: Sequence[Any], write: Callable[[Path], object]) -> Ir:
    """Return the Ir of a model, put into the cache by `write` where it is not there.

    `models` are the folders of its files, and `said` is what else changes its numbers. Raises
    ModelError where it was or is refused, and MissingExtra where OpenVINO is not installed.
    """
    home = cache_folder() / "openvino"
    seen = [each for model in models for each in _seen(model)]
    key = value_hash([seen, list(said), EXPORT, openvino().__version__, _versions()])
    folder, refused = home / key, home / f"{key}{REFUSED}"
    ir = Ir(folder)
    if not ir.whole:
        if refused.exists():
            raise Refused(refused.read_text(encoding="utf-8"))
        try:
            write(folder)
        except Refused as error:
            with suppress(OSError):
                write_atomic(refused, str(error))
            raise
        ir = Ir(folder)
    with suppress(OSError):
        os.utime(folder)
        now = time.time()
        drop_stale(home.iterdir(), now=now, days=KEPT_DAYS)
        drop_stale(home.glob(f"{BUILDING}*"), now=now, days=1)  # a killed process left them
    return ir


def _seen(model: Path) -> list[Any]:
    """Return what tells that a model's files are those that were written of.

    Times of modification are made equal by images and copies, so where each file lies counts too.
    """
    found: list[Any] = [str(model.resolve())]
    for path in sorted(path for path in model.rglob("*") if path.is_file()):
        told = path.stat()
        name = path.relative_to(model).as_posix()
        found.append([name, told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino])
    return found


def _versions() -> list[str]:
    return [version(name) for name in ("torch", "transformers", "sentence-transformers")]


def refusals() -> list[str]:
    """Return why models in the cache are computed by torch although OpenVINO is there."""
    found = sorted((cache_folder() / "openvino").glob(f"*{REFUSED}"))
    return [path.read_text(encoding="utf-8") for path in found]
