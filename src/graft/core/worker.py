"""A process that `mapper.Processes` maps in: `python -m graft.core.worker MEMORY`."""

from __future__ import annotations

import os
import sys

from graft.core.mapper import read_frame, write_frame

try:
    import resource
except ImportError:  # Windows has none, and no such limit.
    resource = None  # type: ignore[assignment]


def main(memory: int) -> None:
    """Read (function, item) from stdin, write (result, error) to stdout, until stdin ends."""
    # What a library prints must not run into the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if memory and resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    while True:
        try:
            function, item = read_frame(sys.stdin.buffer)
        except EOFError:
            return
        except Exception as error:  # a function that cannot be imported here
            write_frame(answers, (None, error))
            continue
        try:
            write_frame(answers, (function(item), None))
        except Exception as error:
            write_frame(answers, (None, error))


if __name__ == "__main__":
    main(int(sys.argv[1]))
