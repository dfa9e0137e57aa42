"""Training: a function from examples and a recipe to a run."""
