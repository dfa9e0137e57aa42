"""Objectives, one file each: `graft.tune.objective.OBJECTIVES` finds them by their names."""
