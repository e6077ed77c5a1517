"""Everything that writes to the catalogue, one file per subject."""
