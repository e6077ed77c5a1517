"""People, the groups they buy in, membership, invitations, and the site's own settings.

Knows nothing of stores and runs. What a run has to do when a membership ends, it does as a receiver of
`signals.membership_ending`.
"""
