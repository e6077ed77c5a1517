"""Redis may be away: whoever asks it does so through a breaker, and has an answer for when it does not."""

import logging
import threading
import time

from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
NEVER = float("-inf")  # longer ago than any time that `monotonic` tells


class RedisAway(Exception):
    """Redis failed, just now or a moment ago."""


class Breaker:
    """After a failure nobody in this process waits for Redis again for `REST` seconds; then one tries.

    Logs one line in `SILENCE` seconds, however many requests it costs.
    """

    REST = 10
    SILENCE = 60

    def __init__(self, purpose):
        self.purpose = purpose
        self._lock = threading.Lock()
        self.reset()

    def reset(self):
        self._closed_from = self._logged_at = NEVER
        self._is_failing = False

    def ask(self, question):
        """What the function `question` answers; `RedisAway` when it cannot, or when it is not asked at all."""
        with self._lock:
            now = time.monotonic()
            if now < self._closed_from:
                raise RedisAway
            if self._is_failing:
                self._closed_from = now + self.REST  # this one tries, and everybody else keeps away
        try:
            answer = question()
        except (RedisError, OSError) as error:
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
        logger.warning("Redis does not answer, so %s does without: %s", self.purpose, error)
