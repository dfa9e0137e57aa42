"""What the machine can do: device, number format, threads, peak memory."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

import psutil
import torch

from graft.core.errors import ConfigError

if sys.platform != "win32":
    import resource


def device() -> str:
    """Return the best device there is: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def dtype(name: str = "auto", on: str = "") -> torch.dtype:
    """Return the torch dtype called "bfloat16", "float32" or "auto" for a device.

    Auto is bfloat16 where the hardware computes in it, and float32 elsewhere.
    Raises ConfigError for any other name.
    """
    if name == "auto":
        return torch.bfloat16 if _takes_bfloat16(on or device()) else torch.float32
    known = {"bfloat16": torch.bfloat16, "float32": torch.float32}
    if name not in known:
        raise ConfigError(f"dtype is {name!r}: use auto, bfloat16 or float32")
    return known[name]


def _takes_bfloat16(on: str) -> bool:
    if on == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if on == "cpu":
        # Without such instructions oneDNN still runs, by turning numbers back and forth: on an
        # AVX-512 processor that lacks them 22 GFLOP/s a core, against 77 in float32.
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def peak_memory() -> dict[str, int]:
    """Return the most memory used so far in bytes: {"host", "device"}.

    The host's is the process's peak resident size; the device's is what torch allocated on CUDA.
    """
    if sys.platform == "win32":
        host = psutil.Process().memory_info().peak_wset
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        host = peak if sys.platform == "darwin" else peak * 1024
    used = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return {"host": int(host), "device": int(used)}


def release_memory() -> None:
    """Give back to the system what models and trainings that are gone have left behind.

    glibc keeps what was freed for the next request, which of a training's gradients is gigabytes.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such call
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def computing_in(name: str, on: str) -> AbstractContextManager[object]:
    """Return a block whose matrix products are of these numbers on a device: "float32", "bfloat16".

    Sums are kept in float32, and so are what comes after the last product and the weights in
    memory: what OpenVINO does.
    """
    if name == "float32":
        return nullcontext()
    return torch.autocast(on.partition(":")[0], torch.bfloat16)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Use `count` threads for torch's operations within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, count))
    try:
        yield
    finally:
        torch.set_num_threads(before)
