"""Prompts as data, and generators: local and remote."""
