"""Release: what production uses. It pins how, never what: contents move with every ingest."""

from __future__ import annotations

import tomllib
from pathlib import Path

import tomlkit
from pydantic import BaseModel, ConfigDict

from graft.core.config import Settings
from graft.core.errors import FormatError, NotFound
from graft.core.files import write_atomic


class Lineage(BaseModel):
    """Ledger ids of what is behind a release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[str, ...] = ()
    example_sets: tuple[str, ...] = ()
    evaluation: str = ""
    library_version: int = 0


class Release(BaseModel):
    """One numbered, frozen configuration with the digests of all its weights.

    `prompts` holds the text of every template in use, so that an edited default changes nothing
    that was released. `digests` maps encoder, fusion, reranker and generator to their weights'
    hashes; `versions` maps packages to theirs. `verdict` is the gate's, empty for release 0, and
    `judged_against` the release that it compares with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    created: float
    settings: Settings
    space: str = ""
    prompts: dict[str, dict[str, str]] = {}
    digests: dict[str, str] = {}
    versions: dict[str, str] = {}
    lineage: Lineage = Lineage()
    verdict: str = ""
    judged_against: int | None = None
    note: str = ""


class Releases:
    """The folder of releases: `N.toml` each, and `current`, switched by an atomic replace.

    `current` lists the releases that were in use, the newest first, so that a rollback is one
    replace too.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def numbers(self) -> list[int]:
        """Return the numbers of all releases, in order."""
        return sorted(int(path.stem) for path in self.folder.glob("*.toml") if path.stem.isdigit())

    def get(self, number: int) -> Release:
        """Return a release. Raises NotFound when there is none with that number."""
        path = self.folder / f"{number}.toml"
        if not path.exists():
            held = ", ".join(map(str, self.numbers())) or "none yet: run `graft ingest`"
            raise NotFound(f"there is no release {number}: the releases are {held}")
        try:
            return Release.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise FormatError(f"{path} is damaged ({error}): restore it from a backup") from error

    def history(self) -> list[int]:
        """Return the releases that were in use, the current one first; empty before the first.

        Raises FormatError when the file holds anything but their numbers.
        """
        path = self.folder / "current"
        try:
            text = path.read_text(encoding="utf-8")
            return [int(number) for number in text.split()]
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise FormatError(
                f"{path} is damaged ({error}): write the number of a release there, one of "
                f"{', '.join(map(str, self.numbers())) or 'none'}"
            ) from error

    def current_number(self) -> int | None:
        """Return the number in use, or None before the first ingest."""
        return next(iter(self.history()), None)

    def current(self) -> Release:
        """Return the release in use. Raises NotFound before the first ingest."""
        number = self.current_number()
        if number is None:
            raise NotFound("there is no release yet: `graft ingest PATH` makes release 0")
        return self.get(number)

    def add(self, release: Release) -> Release:
        """Store a release under the next free number and return it; does not switch to it."""
        numbers = self.numbers()
        stored = release.model_copy(update={"number": numbers[-1] + 1 if numbers else 0})
        self.folder.mkdir(parents=True, exist_ok=True)
        text = tomlkit.dumps(stored.model_dump(mode="json", exclude_none=True))
        write_atomic(self.folder / f"{stored.number}.toml", text)
        return stored

    def switch(self, number: int) -> None:
        """Make a release current: one atomic replace, so a reader sees the old or the new one."""
        self.get(number)
        self._write([number, *[past for past in self.history() if past != number]])

    def rollback(self) -> int:
        """Go back to the release that was in use before, and return its number.

        Raises NotFound when there is none.
        """
        history = self.history()
        if len(history) < 2:
            raise NotFound("there is no earlier release to go back to: `graft release list`")
        self._write(history[1:])
        return history[1]

    def _write(self, history: list[int]) -> None:
        write_atomic(self.folder / "current", "\n".join(map(str, history)) + "\n")
