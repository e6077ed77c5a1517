"""Redis may be away: whoever asks it does so through a breaker, and has an answer for when it does not."""

import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from redis.exceptions import RedisError

logger = logging.getLogger("bulq.breaker")
NEVER = float("-inf")  # longer ago than any time that `monotonic` tells


class RedisAway(Exception):
    """Redis failed, just now or a moment ago."""


def _forget_threads():
    global _threads
    _threads = ThreadPoolExecutor(8, thread_name_prefix="redis")


_forget_threads()
os.register_at_fork(after_in_child=_forget_threads)  # they stay with the parent


class Breaker:
    """After a failure nobody in this process waits for Redis again for `REST` seconds; then one tries.

    Whoever asks waits `PATIENCE` seconds, whatever hangs: sockets have time limits, looking up a name has none.
    Logs one line in `SILENCE` seconds, however many requests it costs.
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
        """What the function `question` answers; `RedisAway` when it cannot, or when it is not asked at all.

        It is called in another thread. `seconds` says how long to wait for what takes longer than other questions.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._closed_from:
                raise RedisAway
            if self._is_failing:
                self._closed_from = now + self.REST  # this one tries, and everyone else keeps away
        asked = _threads.submit(question)
        try:
            answer = asked.result(seconds or self.PATIENCE)
        except (RedisError, OSError) as error:  # TimeoutError, too, is one of the system's
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
        logger.warning("Redis does not answer, so %s does without: %s", self.purpose, error or "it took too long")
