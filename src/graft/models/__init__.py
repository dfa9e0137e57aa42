"""Encoders, cross-encoders, causal language models, adapters, devices."""
