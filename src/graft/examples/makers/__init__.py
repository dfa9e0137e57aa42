"""Makers, one file each: `graft.examples.maker.MAKERS` finds them by their names."""
