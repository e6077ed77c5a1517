"""Messages to open pages that something has changed. They carry no data: the page asks its ordinary view.

Topics are `run:5`, `group:2` and `user:9`. Without Redis no message is sent, and pages poll.
"""

from functools import partial

from django.conf import settings
from django.db import transaction
from django_redis import get_redis_connection

from .breaker import Breaker, RedisAway

CHANGED = "changed"
breaker = Breaker("the live pages")


def announce(topic, message=CHANGED):
    """Publish once the transaction is committed; never waits, never fails."""
    transaction.on_commit(partial(_publish, topic, message))


def channel(topic):
    return f"{settings.CACHE_PREFIX}:live:{topic}"


def _publish(topic, message):
    try:
        breaker.ask(lambda: get_redis_connection("live").publish(channel(topic), message))
    except RedisAway:
        return
