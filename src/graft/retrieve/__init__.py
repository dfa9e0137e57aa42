"""Retrieval as an algebra of stages."""
