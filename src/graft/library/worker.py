"""The process that `parse.load_all` reads foreign formats in: `python -m graft.library.worker`."""

from __future__ import annotations

import os
import sys

from graft.core.errors import DocumentError
from graft.library.parse import read_frame, write_frame
from graft.library.readers.read import UNPACKED
from graft.library.sources import load

try:
    import resource
except ImportError:  # Windows has none, and no such limit.
    resource = None  # type: ignore[assignment]

MEMORY = 2 << 30


def main() -> None:
    """Read sources from stdin, write (documents, reason) to stdout, until stdin ends."""
    # What a library prints must not run into the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    limited = False
    while True:
        try:
            source, max_bytes = read_frame(sys.stdin.buffer)
        except EOFError:
            return
        if not limited and resource is not None:
            limit = max(MEMORY, UNPACKED * 4 * max_bytes)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            limited = True
        try:
            write_frame(answers, (load(source, max_bytes=max_bytes), ""))
        except DocumentError as error:
            write_frame(answers, ([], str(error)))


if __name__ == "__main__":
    main()
