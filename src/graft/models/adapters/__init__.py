"""Kinds of adapters, one file each: `graft.models.adapter.ADAPTERS` finds them by their tags."""
