"""Access: who may see what lies at a path, by what the roots around it were ingested with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graft.library.walk import Root, glob_of, lies_under

Readers = tuple[str, ...]
"""Principals, sorted; none is everyone."""


@dataclass(frozen=True)
class Access:
    """What an ingest knows of who may see what, where documents do not say so themselves.

    `given` is what it was told of the paths it was given, None for nothing; `recorded` is what
    each root, by its name, was ingested with before.
    """

    given: Readers | None = None
    recorded: Mapping[str, Readers] = field(default_factory=dict)
    globs: Sequence[Root] = ()

    @classmethod
    def of(cls, given: Sequence[str] | None, recorded: Mapping[str, Readers]) -> Access:
        """Return it for an ingest, with the globs among the recorded roots."""
        globs = [glob for name in recorded if (glob := glob_of(name)) is not None]
        return cls(None if given is None else tuple(sorted(given)), recorded, globs)

    def at(self, path: Path) -> Readers:
        """Return who may see what lies at a path: as given, or else as at the nearest root.

        >>> Access.of(None, {"/docs": (), "/docs/pay": ("hr",)}).at(Path("/docs/pay/may.md"))
        ('hr',)
        """
        if self.given is not None:
            return self.given
        around = [each.as_posix() for each in (path, *path.parents)]
        roots = [name for name in around if name in self.recorded][:1]
        roots += [glob.name for glob in self.globs if lies_under(path, glob)]
        return self.recorded[max(roots, key=len)] if roots else ()

    def covered(self, roots: Sequence[Root], exclude: Sequence[str]) -> list[str]:
        """Return the recorded roots that lie under these, and of which they have the say now."""
        return [
            name
            for name in self.recorded
            if any(name != r.name and lies_under(Path(name), r, exclude) for r in roots)
        ]
