"""Pages about people and groups: one file per subject."""
