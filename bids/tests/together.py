"""Two people at the same moment: refusals among results, and an action stopped right before its end."""

from django.db import transaction
from django.http import Http404

from bulq.kit.errors import BulqError


def refused(results):
    """Who was told no. Whatever else went wrong is no answer to a person."""
    wrong = [one for one in results if isinstance(one, Exception)]
    assert all(isinstance(one, BulqError | Http404) for one in wrong), results
    return wrong


def in_transaction(before_commit, action, one):
    """The action, stopped right before its end with everything written and the lock held."""

    def job():
        with transaction.atomic():
            result = action(one)
            before_commit()
        return result

    return job
