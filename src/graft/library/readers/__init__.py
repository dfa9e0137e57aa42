"""Readers: from files of many formats to clean text."""

from graft.library.readers.extracted import Extracted
from graft.library.readers.read import READER_VERSION, read_bytes, read_file

__all__ = ["READER_VERSION", "Extracted", "read_bytes", "read_file"]
