from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone


def sessions_of(person):
    """Keys of the sessions in which a person is logged in now. Reads those of everyone: only the content says whose."""
    store, is_theirs = SessionStore(), (str(person.pk), person.get_session_auth_hash())
    found = []
    for key, data in Session.objects.filter(expire_date__gt=timezone.now()).values_list("session_key", "session_data"):
        content = store.decode(data)
        if (content.get(SESSION_KEY), content.get(HASH_SESSION_KEY)) == is_theirs:
            found.append(key)
    return found
