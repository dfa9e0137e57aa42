"""Types, protocols, errors, config, paths, context and ledger: what every floor shares."""
