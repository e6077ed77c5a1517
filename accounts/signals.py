from django.dispatch import Signal

# Sent when someone leaves a group, is removed from it, or closes the account, inside the transaction, with
# the group locked and the membership still there; sender is `Membership`.
#
#   membership  the one that ends; `.group` and `.user` are loaded
#   by          the person who ends it: the member, or a group admin
#   preview     True: change nothing, return a list of sentences about the consequences
#
# A receiver refuses with a BulqError ("Hand over the lead first"), in the preview too.
membership_ending = Signal()
