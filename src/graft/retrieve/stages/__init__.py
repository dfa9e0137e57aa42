"""Stages that a pipeline may name, one file each."""
