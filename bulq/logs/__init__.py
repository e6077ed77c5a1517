"""What log lines may contain, and where errors are sent. Imports nothing of ours; anything may import it."""
