"""One module a verb: flags in, job called, result shown."""
