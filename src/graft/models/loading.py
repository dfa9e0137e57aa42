"""From a model's name to the folder that holds it: a local path, or a hub name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from warnings import catch_warnings, simplefilter

from graft.core.errors import ModelError

WANTED = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
OLD_WEIGHTS = ["*.bin"]
"""Fetched only where a model has no safetensors."""


def resolve(name: str, *, marker: str) -> str:
    """Return the folder of a model that holds the file `marker`.

    A name that is or looks like a path is never looked up on the hub; a hub name is taken from
    the local cache when it is there, and downloaded otherwise. Raises ModelError.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return _marked(path, marker)
    if path.exists():
        raise ModelError(f"{path} is a file: name the folder that holds {marker}")
    if not _is_hub_name(name):
        raise ModelError(f"there is no folder {name}: name one that holds {marker}")
    # What names a folder needs no hub.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        cached = None
    if cached is not None and (cached / marker).exists() and _has_weights(cached):
        return str(cached)
    return _marked(_download(name), marker)


def _marked(folder: Path, marker: str) -> str:
    if not (folder / marker).exists():
        raise ModelError(f"{folder} has no {marker}: name a model of the kind that has one")
    return str(folder)


def _has_weights(folder: Path) -> bool:
    return any(next(folder.rglob(kind), None) for kind in ("*.safetensors", "*.bin"))


def _is_hub_name(name: str) -> bool:
    return re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", name) is not None


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        folder = Path(snapshot_download(name, allow_patterns=WANTED))
        if not _has_weights(folder):
            snapshot_download(name, allow_patterns=OLD_WEIGHTS)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(
            f"{name} is no folder here and could not be had from the hub "
            f"({type(error).__name__}): check the name and the network, or name a local folder"
        ) from error
    return folder


@contextmanager
def quiet(*, warnings: bool = True) -> Iterator[None]:
    """Keep transformers from drawing progress bars, and from warning where that is expected.

    What is deprecated between these libraries is nothing that a user could mend.
    """
    from transformers.utils import logging

    drawn, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    if not warnings:
        logging.set_verbosity_error()
    try:
        with catch_warnings():
            simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if drawn:
            logging.enable_progress_bar()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, for one that quotes it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
