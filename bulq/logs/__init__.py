"""What a line of any log may tell, and where errors are sent. Imports nothing of ours; everybody may import it."""
