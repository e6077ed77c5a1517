"""Two people at the same moment: refusals among results, and an action stopped just before its end."""

from django.db import transaction
from django.http import Http404

from bulq.kit.errors import BulqError


def refused(results):
    """The refusals. Any other exception is not an answer to a person."""
    wrong = [scene for scene in results if isinstance(scene, Exception)]
    assert all(isinstance(scene, BulqError | Http404) for scene in wrong), results
    return wrong


def in_transaction(before_commit, action, scene):
    """The action, stopped just before its end with everything written and the lock held."""

    def job():
        with transaction.atomic():
            result = action(scene)
            before_commit()
        return result

    return job
