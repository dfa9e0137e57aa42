"""Reader: what turns the bytes of some kinds of file into texts, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from graft.core.seam import Seam
from graft.library.readers.extracted import Blob, Extracted


@dataclass(frozen=True)
class Reader:
    """Reads files of some media types.

    Files whose name ends in one of `suffixes` are its own, whatever they hold; others come to it
    when their content is of one of `media_types`. Raise `version` when it gives another text for
    the same bytes: then what it read, and nothing else, is read anew.
    """

    name: str
    media_types: tuple[str, ...]
    read: Callable[[Blob], list[Extracted]]
    version: str = "1"
    suffixes: tuple[str, ...] = ()

    @property
    def stamp(self) -> str:
        """What stands in the fingerprint of what it read.

        Of Graft's own it is the version alone, as it was when all of them had one together.
        """
        own = self.read.__module__.startswith("graft.library.readers.")
        return self.version if own else f"{self.name}:{self.version}"


READERS: Seam[Reader] = Seam("a reader", "graft.library.readers", "graft.readers", Reader)


def reader_of(name: str, media_type: str = "") -> Reader | None:
    """Return the reader of a file by its name or else its media type; None if there is none.

    Of two that read the same, the one that a package brings is taken.
    """
    suffix, found = PurePath(name).suffix.lower(), None
    for reader in READERS.all().values():
        if suffix and suffix in reader.suffixes:
            return reader
        if media_type in reader.media_types:
            found = reader
    return found
