"""Indexes: one file a kind. A package offers its own by the entry-point group `graft.indexes`."""

from graft.core.index import IndexKind
from graft.core.seam import Seam

INDEXES: Seam[IndexKind] = Seam("an index", "graft.library.indexes", "graft.indexes", IndexKind)
