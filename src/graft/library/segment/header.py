"""Header: the title and headings that are indexed with a passage, kept to a third of its room."""

from __future__ import annotations

from graft.core.protocols import Tokenizer
from graft.library.segment.counts import Counts

HeadingPath = tuple[str, ...]


class Headers:
    """Fits a document's title and paths of headings into a share of each passage."""

    def __init__(self, title: str, tokenizer: Tokenizer, limit: int) -> None:
        self.title = title
        self.limit = limit
        self._tokenizer = tokenizer
        self._sizes: dict[str, int] = {}
        self._fitted: dict[HeadingPath, tuple[str, HeadingPath]] = {}

    def fit(self, path: HeadingPath, table: str = "") -> tuple[str, HeadingPath]:
        """Return the title and headings to show for a path, `limit` tokens at most together.

        Outer headings are dropped first, then the ends of the innermost one and of the title. A
        table's header row, if it fits, comes last and before all of them: rows say nothing without.
        """
        if path not in self._fitted:
            self._fitted[path] = self._fit(path)
        title, kept = self._fitted[path]
        if not table or self._size(table) > self.limit:
            return title, kept
        named = [(title, kept[n:]) for n in range(len(kept) + 1)]
        for shown, above in [*named, ("", ())]:
            if self.size(shown, (*above, table)) <= self.limit:
                return shown, (*above, table)
        return title, kept

    def size(self, title: str, path: HeadingPath) -> int:
        """Return the tokens that a title and headings take; one like the title takes none."""
        return self._size(title) + sum(self._size(name) for name in path if name != title)

    def _size(self, text: str) -> int:
        if text not in self._sizes:
            self._sizes[text] = Counts(text, self._tokenizer).size(0, len(text))
        return self._sizes[text]

    def _fit(self, path: HeadingPath) -> tuple[str, HeadingPath]:
        while len(path) > 1 and self.size(self.title, path) > self.limit:
            path = path[1:]
        if self.size(self.title, path) <= self.limit:
            return self.title, path
        names = [name for name in path if name != self.title]
        spare = max(self.limit - self._size(self.title), self.limit // 2)
        names = [name for name in (self._trim(name, spare) for name in names) if name]
        used = sum(self._size(name) for name in names)
        return self._trim(self.title, self.limit - used), tuple(names)

    def _trim(self, text: str, size: int) -> str:
        """Return the words at the start of a text that take `size` tokens at most."""
        if self._size(text) <= size:
            return text
        counts = Counts(text, self._tokenizer)
        end = counts.reach(0, size) if size else 0
        kept = text[:end]
        if not text[end].isspace():
            kept = kept.rpartition(" ")[0]
        kept = kept.rstrip()
        return kept if self._size(kept) <= size else ""
