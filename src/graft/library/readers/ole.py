"""OLE containers (Office 97 files, Outlook messages) opened safely."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import olefile

from graft.core.errors import DocumentError
from graft.library.readers.extracted import Blob


@contextmanager
def open_ole(blob: Blob) -> Iterator[Any]:
    """Open an OLE container. Raises DocumentError, whatever breaks while it is read."""
    try:
        with olefile.OleFileIO(io.BytesIO(blob.data)) as container:
            yield container
    except DocumentError:
        raise
    except Exception as error:
        # The formats inside are chains of offsets: a damaged one fails in any way there is.
        raise DocumentError(
            "the file is damaged: open it in an office program and save it in a newer format"
        ) from error


def stream(container: Any, *names: str) -> bytes:
    """Return the first stream of these names that the container has, or b""."""
    for name in names:
        if container.exists(name):
            with container.openstream(name) as opened:
                return bytes(opened.read())
    return b""
