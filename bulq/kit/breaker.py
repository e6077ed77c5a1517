"""A circuit breaker for Redis, which may be away: every caller has a fallback."""

import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from redis.exceptions import RedisError

logger = logging.getLogger("bulq.breaker")
NEVER = float("-inf")  # earlier than any time of `monotonic`


class RedisAway(Exception):
    """Redis has failed, now or a moment ago."""


def _forget_threads():
    global _threads
    _threads = ThreadPoolExecutor(8, thread_name_prefix="redis")


_forget_threads()
os.register_at_fork(after_in_child=_forget_threads)  # threads do not survive a fork


class Breaker:
    """After a failure this process does not try Redis for `REST` seconds; then one caller tries.

    A call waits at most `PATIENCE` seconds, whatever hangs: sockets have time-outs, a name lookup has none. Logs one
    line per `SILENCE` seconds, however many requests fail.
    """

    PATIENCE = 0.3
    REST = 10
    SILENCE = 60

    def __init__(self, purpose):
        self.purpose = purpose
        self._lock = threading.Lock()
        self.reset()

    def reset(self):
        self._closed_from = self._logged_at = NEVER
        self._is_failing = False

    def ask(self, question, seconds=None):
        """Return `question()`; raise `RedisAway` if it fails, or without calling it during a rest.

        It runs in another thread. `seconds` replaces `PATIENCE` for slower calls.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._closed_from:
                raise RedisAway
            if self._is_failing:
                self._closed_from = now + self.REST  # this call tries, all others are refused
        asked = _threads.submit(question)
        try:
            answer = asked.result(seconds or self.PATIENCE)
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            asked.cancel()
            self._fail(error)
            raise RedisAway from error
        if self._is_failing:
            self._is_failing, self._closed_from = False, NEVER
        return answer

    def _fail(self, error):
        with self._lock:
            now = time.monotonic()
            self._is_failing, self._closed_from = True, now + self.REST
            if now < self._logged_at + self.SILENCE:
                return
            self._logged_at = now
        logger.warning("Redis does not answer, so %s works without it: %s", self.purpose, error or "it took too long")
