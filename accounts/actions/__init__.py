"""Everything that writes about people and groups, one file per subject."""
