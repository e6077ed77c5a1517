"""Pages of the catalogue, one file per subject."""
