"""What surrounds every view, by subject; the order is in the settings."""
