"""Embedded: vectors that a library has already, so that what only moved is not encoded again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from graft.library.lance import equals_any, scan_table
from graft.library.rows import PASSAGE_COLUMNS, matrix_of, to_passage
from graft.library.snapshot import Snapshot

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Embedded:
    """What one version of a library holds of texts, by encoder."""

    snapshot: Snapshot

    def vectors(self, documents: Mapping[str, str], encoder_digest: str) -> dict[str, Vector]:
        """Return vectors by the text that was encoded, of passages that were cut of documents.

        `documents` maps ids to text hashes: passages are looked at of those with one of these ids
        (edited, or cut another way since) and of those with one of these texts (moved, copied).
        """
        states = [
            state
            for state in self.snapshot.manifest.spaces
            if state.space.encoder_digest == encoder_digest
        ]
        ids = self._like(documents) if states else []
        texts: dict[str, dict[str, str]] = {}
        for where in equals_any("document_id", ids):
            for row in scan_table(self.snapshot.passages, PASSAGE_COLUMNS, where=where).to_pylist():
                passage = to_passage(row)
                texts.setdefault(passage.segmentation, {})[passage.id] = passage.indexed_text
        found: dict[str, Vector] = {}
        for state in states:
            known = texts.get(state.space.segmentation, {})
            table = self.snapshot.table(state.table)
            for where in equals_any("id", list(known)):
                rows = scan_table(table, ["id", "vector"], where=where)
                vectors = matrix_of(rows["vector"])
                for id, vector in zip(rows["id"].to_pylist(), vectors, strict=True):
                    found[known[id]] = vector
        return found

    def _like(self, documents: Mapping[str, str]) -> list[str]:
        found = dict.fromkeys(id for id in documents if id in self._hashes)
        for hash in dict.fromkeys(documents.values()):
            found |= dict.fromkeys(self._ids.get(hash, ()))
        return list(found)

    @cached_property
    def _hashes(self) -> dict[str, str]:
        """The text hash of every document."""
        if self.snapshot.manifest.documents is None:
            return {}
        rows = scan_table(self.snapshot.documents, ["id", "text_hash"])
        return dict(zip(rows["id"].to_pylist(), rows["text_hash"].to_pylist(), strict=True))

    @cached_property
    def _ids(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for id, hash in self._hashes.items():
            found.setdefault(hash, []).append(id)
        return found
