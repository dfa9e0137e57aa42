"""From a model's name to the folder that holds it: a local path, or a hub name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers.utils import logging

from graft.core.errors import ModelError

WANTED = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model", "*.bin"]


def resolve(name: str, *, marker: str) -> str:
    """Return the folder of a model that holds the file `marker`.

    A name that is or looks like a path is never looked up on the hub; a hub name is taken from
    the local cache when it is there, and downloaded otherwise. Raises ModelError.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / marker).exists():
            raise ModelError(f"{path} has no {marker}: name the folder that a model was saved to")
        return str(path)
    if path.exists():
        raise ModelError(f"{path} is a file: name the folder that holds {marker}")
    if not _is_hub_name(name):
        raise ModelError(f"there is no folder {name}: name one that holds {marker}")
    try:
        return snapshot_download(name, allow_patterns=WANTED, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError):
        return _download(name)


def _is_hub_name(name: str) -> bool:
    return re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", name) is not None


def _download(name: str) -> str:
    try:
        return snapshot_download(name, allow_patterns=WANTED)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(
            f"{name} is no folder here and could not be had from the hub "
            f"({type(error).__name__}): check the name and the network, or name a local folder"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing its own progress bars within the block."""
    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, for one that quotes it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
