"""How fast pages are, as ratios to an empty signed-in page in the same run. See README.md."""
