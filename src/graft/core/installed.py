"""Installed: which versions of the packages that decide what comes out are there."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DECISIVE = (
    "graft-rag", "lancedb", "numpy", "peft", "sentence-transformers", "torch", "transformers",
)  # fmt: skip
"""The packages whose versions can change what a training ends at or an answer says."""


def installed(name: str) -> str | None:
    """Return a package's version, or None where it is not installed.

    >>> installed("no-such-package")
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def installed_versions() -> dict[str, str]:
    """Return the version of each package that decides, or "not installed".

    >>> sorted(installed_versions())[-1]
    'transformers'
    """
    return {name: installed(name) or "not installed" for name in DECISIVE}
