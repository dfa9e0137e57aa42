"""One module a verb: the script of that job, readable from top to bottom."""
