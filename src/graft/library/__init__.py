"""Readers, cleaning, segmentation, duplicates, sync and the versioned store."""
