"""Examples: made, filtered, split, imported and exported."""
