"""Segmentation: documents into passages that are character spans of their text.

A document's text is read as blocks (headings, paragraphs, list items, code, tables), gathered
into sections, cut into pieces where it must be, and packed into passages of even size.
"""

from graft.library.segment.passages import segment

__all__ = ["segment"]
