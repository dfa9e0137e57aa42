"""Readers: from files of many formats to clean text. One file a reader; packages offer their own
by the entry-point group `graft.readers`."""

from graft.library.readers.extracted import Blob, Extracted
from graft.library.readers.read import read_bytes, read_file
from graft.library.readers.reader import READERS, Reader, reader_of

__all__ = ["READERS", "Blob", "Extracted", "Reader", "read_bytes", "read_file", "reader_of"]
