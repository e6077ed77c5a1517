"""What a line of any log may tell, and where errors are sent. Imports nothing of ours; everyone may import it."""
