"""Pure measures and leak checks: numbers in, numbers out."""
