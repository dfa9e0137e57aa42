"""Every error Graft raises on purpose, in one tree.

    GraftError                    exit code
    ├── InputError                2   what the user gave cannot be used
    │   ├── ConfigError               graft.toml, GRAFT_* or a flag
    │   ├── DocumentError             one source that cannot be read (never stops the rest)
    │   ├── EncoderMismatch           vectors made by one encoder, a query by another
    │   ├── LeakError                 the same question or document on both sides of a split
    │   └── NotFound                  a document, release, run or example set that is not there
    ├── SetupError                3   the environment failed
    │   ├── MissingExtra              a package that is not installed
    │   ├── ModelError                a model that cannot be loaded or run
    │   ├── RemoteError               an endpoint that is down, slow or refuses
    │   ├── LockHeld                  another writer holds the workspace
    │   └── FormatError               the workspace was written by a newer Graft, or is damaged
    ├── CheckFailed               1   a check that was asked for did not hold
    └── Cancelled                 130 the user stopped the job; nothing was published

A message says what was got, what was expected and what to do, in one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GraftError(Exception):
    """The root: `exit_code` is what the command line returns for it."""

    exit_code = 3


class InputError(GraftError):
    """What the user gave cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """A setting that is unknown or has a value that cannot be used."""


class DocumentError(InputError):
    """One source cannot be read; its message is the reason shown beside its path."""


class EncoderMismatch(InputError):
    """Vectors and query come from different encoders, so their distances mean nothing."""


class LeakError(InputError):
    """A question, a near-copy or a document stands on both sides of a split."""


class NotFound(InputError):
    """A document, release, run or example set that is not in the workspace."""


class SetupError(GraftError):
    """The environment failed: a package, a model, a server, the disk."""

    exit_code = 3


class MissingExtra(SetupError):
    """A package that this feature needs is not installed."""

    def __init__(self, package: str, feature: str, command: str) -> None:
        super().__init__(f"{feature} needs {package}, which is not installed: run `{command}`")


class ModelError(SetupError):
    """A model cannot be found, loaded or run."""


class RemoteError(SetupError):
    """An endpoint is down, too slow, or refuses the request."""


class LockHeld(SetupError):
    """Another process is writing to the workspace."""


class FormatError(SetupError):
    """The workspace was written by a newer Graft, or is damaged."""


class CheckFailed(GraftError):
    """A check that was asked for (a gate, a requirement) did not hold."""

    exit_code = 1


class Cancelled(GraftError):
    """The job was stopped by its user at a batch boundary; nothing was published."""

    exit_code = 130


def nearest(name: str, options: Iterable[str], *, likeness: float = 0.6) -> str:
    """Return the option most like a name that is none of them; "" where none is much like it.

    >>> nearest("retreive", ["retrieve", "encoder"]), nearest("x", ["retrieve"])
    ('retrieve', '')
    """
    folded = {option.casefold(): option for option in options}
    near = difflib.get_close_matches(name.casefold(), folded, 1, likeness)
    return folded[near[0]] if near else ""
