"""What every app may import: it knows none of them, and nothing of the rest but `bulq.logs`."""
