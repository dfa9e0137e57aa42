"""Graft's measures, one kind a file; columns stand in the order of the files and in them."""
