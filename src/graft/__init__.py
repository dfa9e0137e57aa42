"""Graft: your documents and small trained parts, joined to an open language model."""

from __future__ import annotations

__version__ = "0.1.0"
