"""The live process: notifies open pages of changes, over server-sent events.

Started as `gunicorn -k asgi bulq.stream:application`; besides streams it serves only its health. One subscription to
Redis feeds all streams of a process. Rights are checked once, and the database connection is released before the stream
begins; each stream ends after a while, and a browser that reconnects is checked again.
"""

import asyncio
import contextlib
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookies import CookieError, SimpleCookie
from types import SimpleNamespace
from urllib.parse import parse_qsl

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bulq.settings")
django.setup()  # needed by the imports below, hence E402

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import DatabaseError, connections  # noqa: E402
from redis.asyncio import Redis, RedisError  # noqa: E402

from accounts.models import Membership  # noqa: E402
from bids.models import Run  # noqa: E402
from bulq.kit.addresses import client_address, is_trusted  # noqa: E402
from bulq.kit.breaker import Breaker  # noqa: E402
from bulq.kit.live import CHANGED, channel  # noqa: E402
from bulq.kit.numbers import parse_id  # noqa: E402
from bulq.logs import lines  # noqa: E402

PATH, HEALTH = "/live/", "/health/live"
KEPT_ALIVE = 15  # seconds between signs of life, so that no proxy closes the stream
LIVES = 600  # seconds after which a browser has to reconnect, and rights are checked again
MOST_OF_ONE = 20  # streams of one person in one process; a hidden page has none
MOST_REMEMBERED = 10_000  # topics
STARTS_WITHIN = 5  # seconds to wait for Redis before accepting streams
DEAF = float("inf")
BACKOFF = (0.2, 0.5, 1, 2, 5)
HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}
logger = logging.getLogger(__name__)
lookups = ThreadPoolExecutor(4, thread_name_prefix="lookup")


# --- Rights ----------------------------------------------------------------------------------------
class Refused(Exception):
    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Stream:
    """One open page: its topics, and the groups it depends on."""

    def __init__(self, user, topics, groups):
        self.user, self.topics = user, topics
        self.farewells = {f"left {group}" for group in groups}
        self.woken, self.has_news, self.is_over = asyncio.Event(), False, False

    def tell(self, message):
        """Members who are leaving get it too; their page learns the rest when it refreshes."""
        self.has_news, self.is_over = True, self.is_over or message in self.farewells
        self.woken.set()

    def end(self):
        self.is_over = True
        self.woken.set()


class Session(SessionStore):
    """A session that is only read: an outdated key is renewed by the person's next page, not here."""

    key_salt = SessionStore().key_salt  # derived from the class name otherwise, and no session could be read

    def cycle_key(self):
        pass


def look_up(key, query):
    """The arguments of a `Stream`; `Refused` if this person may not have it. Closes its database connection."""
    try:
        return _look_up(key, query)
    except DatabaseError:
        raise Refused(503) from None
    finally:
        connections.close_all()


def _look_up(key, query):
    user = get_user(SimpleNamespace(session=Session(key)))
    if not user.is_authenticated:
        raise Refused(403)
    topics, groups = {f"user:{user.pk}"}, []
    mine = Membership.objects.filter(user=user).values_list("group", flat=True)
    if "run" in query:
        run = _whole(query["run"])
        topics.add(f"run:{run}")
        groups = list(Run.objects.visible_to(user).filter(pk=run).values_list("group", flat=True))
    elif "group" in query:
        group = _whole(query["group"])
        topics.add(f"group:{group}")
        groups = list(mine.filter(group=group))
    elif query.get("groups") == "all":
        groups = list(mine)
        topics.update(f"group:{group}" for group in groups)
    if not groups and query.keys() & {"run", "group"}:
        raise Refused(404)
    return user.pk, topics, groups


def _whole(text):
    if (number := parse_id(text)) is None:
        raise Refused(404)
    return number


# --- Messages --------------------------------------------------------------------------------------
class Hub:
    """The streams of this process by topic, and the one subscription that feeds them."""

    def __init__(self):
        self.streams, self.task, self.is_ready = {}, None, asyncio.Event()
        self.heard, self.hears_since = {}, DEAF  # when each topic last changed

    async def start(self):
        """Subscribe before the first page connects, so that it has missed nothing."""
        self.task = asyncio.create_task(self._listen())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.is_ready.wait(), STARTS_WITHIN)

    @contextlib.contextmanager
    def join(self, stream, at):
        """Add a stream. It gets a message at once if its page, of time `at`, may have missed one."""
        if self.hears_since == DEAF:
            raise Refused(503)
        if len(self.streams.get(f"user:{stream.user}", ())) >= MOST_OF_ONE:
            raise Refused(429)
        for topic in stream.topics:
            self.streams.setdefault(topic, set()).add(stream)
        if at <= max(self.hears_since, *(self.heard.get(topic, 0) for topic in stream.topics)):
            stream.tell(CHANGED)
        try:
            yield
        finally:
            for topic in stream.topics:
                self.streams[topic].discard(stream)
                if not self.streams[topic]:
                    del self.streams[topic]

    async def _listen(self):
        """Run for ever. Without Redis there are no streams: pages show that, and poll."""
        failures = 0
        while True:
            try:
                async with Redis.from_url(settings.LIVE_REDIS_URL, socket_connect_timeout=2) as server:
                    ears = server.pubsub(ignore_subscribe_messages=True)
                    await ears.psubscribe(channel("*"))
                    if failures:
                        logger.warning("Redis is back")
                        await asyncio.sleep(Breaker.REST)  # until every open breaker has closed
                    failures = 0
                    self._forget()
                    self.is_ready.set()
                    await self._pass_on(ears)
            except (RedisError, OSError) as error:
                if not failures:
                    logger.warning("Redis does not answer, so open pages poll: %s", error)
                self.hears_since = DEAF
                for stream in set().union(*self.streams.values()):
                    stream.end()
                await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF) - 1)])
                failures += 1

    async def _pass_on(self, ears):
        async for message in ears.listen():
            topic = message["channel"].decode().removeprefix(channel(""))
            if len(self.heard) >= MOST_REMEMBERED:
                self._forget()
            self.heard[topic] = time.time()
            for stream in self.streams.get(topic, ()):
                stream.tell(message["data"].decode())

    def _forget(self):
        """Forget the past: any topic may have changed until now."""
        self.heard, self.hears_since = {}, time.time()


hub = Hub()


# --- ASGI ------------------------------------------------------------------------------------------
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == HEALTH:
        await _tell_health(send)
    elif scope["type"] == "http":
        await _log(scope, send)


async def _tell_health(send):
    """503 while it is not subscribed, so that no browser is sent here."""
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 503 if hub.hears_since == DEAF else 200, "headers": headers})
    await _end(send)


async def _log(scope, send):
    """Log the stream when it ends or is refused. The id stays set, for the server's own later lines."""
    started = time.perf_counter()
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    peer, proxies = (scope.get("client") or [""])[0], settings.TRUSTED_PROXIES
    request_id = lines.request_id(headers.get("x-request-id", ""), is_trusted=is_trusted(peer, proxies))
    line = SimpleNamespace(id=request_id, status=500, person=None)
    lines.current.set((request_id, lambda: line.person))
    try:
        await _answer_or_refuse(scope, headers, send, line)
    finally:
        lines.log_request(
            method=scope["method"],
            route=PATH.lstrip("/") if scope["path"] == PATH else "-",
            status=line.status,
            ms=round((time.perf_counter() - started) * 1000),
            address=client_address(peer, headers.get("x-forwarded-for", ""), proxies),
        )


async def _answer_or_refuse(scope, headers, send, line):
    try:
        await _answer(scope, headers, send, line)
    except Refused as refused:
        await _start(send, line, refused.status, {"content-type": "text/plain", "cache-control": "no-store"})
        await _end(send)


async def _answer(scope, headers, send, line):
    if scope["path"] != PATH:
        raise Refused(404)
    if scope["method"] != "GET":
        raise Refused(405)
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        raise Refused(403) from None
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    at = _whole(query.get("at", "0"))
    loop = asyncio.get_running_loop()
    stream = Stream(*await loop.run_in_executor(lookups, look_up, key and key.value, query))
    line.person = stream.user
    with hub.join(stream, at):
        await _serve(stream, send, line)


async def _serve(stream, send, line):
    """Send events until the stream is over. When the page is closed, the server cancels this."""
    await _start(send, line, 200, HEADERS)
    await _say(send, ": hello")
    clock = asyncio.get_running_loop().time
    ends_at = clock() + LIVES
    while not stream.is_over and clock() < ends_at:
        try:
            await asyncio.wait_for(stream.woken.wait(), KEPT_ALIVE)
        except TimeoutError:
            await _say(send, "event: still\ndata: here")
            continue
        stream.woken.clear()
        if stream.has_news:
            stream.has_news = False
            await _say(send, f"data: {CHANGED}")
    await _end(send)


async def _start(send, line, status, headers):
    line.status = status
    pairs = [(name.encode(), value.encode()) for name, value in {**headers, "x-request-id": line.id}.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _say(send, line):
    await send({"type": "http.response.body", "body": f"{line}\n\n".encode(), "more_body": True})


async def _end(send):
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive, send):
    await receive()
    await hub.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
