"""What jobs share: material for tuning, systems to score, spaces to fill, releases to choose."""
