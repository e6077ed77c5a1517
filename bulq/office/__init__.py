"""The site admin: its pages around Django's own, its front page, and its second factor."""
