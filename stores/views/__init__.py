"""Pages of the catalogue, one file per word."""
