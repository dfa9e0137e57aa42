"""Judges, statistics, the gate and the report."""
