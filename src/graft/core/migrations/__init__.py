"""Migrations: what turns a workspace of an older format, in a copy of it, into the next one's.

A step knows the old form and the new one as plain data, and none of Graft's classes: those move on.
"""

from __future__ import annotations

from pathlib import Path

from graft.core.files import Steps
from graft.core.migrations import evaluations, releases, runs


def _to_2(home: Path) -> None:
    # It loads pyarrow, which reading the settings of a folder of today has no use for.
    from graft.core.migrations import examples

    releases.to_2(home)
    runs.to_2(home)
    examples.to_2(home)
    evaluations.to_2(home)


STEPS: Steps = {1: _to_2}
