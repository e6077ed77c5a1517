"""Every setting of the site. What differs between installations is read from the environment, once, here."""

from ipaddress import ip_network
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.contrib.messages import constants as message_levels
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from bulq.environment import Environment
from bulq.kit.languages import code_of
from bulq.logs.setup import configuration

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

# --- What an operator sets -------------------------------------------------------------------------
SECRET_KEY = env.required("SECRET_KEY")
# Earlier keys, for as long as what they signed is valid.
SECRET_KEY_FALLBACKS = env.texts("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.flag("DEBUG", default=False)
_here = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.texts("ALLOWED_HOSTS", default=_here)
CSRF_TRUSTED_ORIGINS = env.texts("CSRF_TRUSTED_ORIGINS", default=[])
SERVED_OVER_HTTPS = env.flag("SERVED_OVER_HTTPS", default=False)
DATABASE_URL, _database = env.required(
    "DATABASE_URL", lambda url: (url, environ.Env.db_url_config(url)), missing=("", {"PASSWORD": "none"})
)
REDIS_URL = env.required("REDIS_URL")
# Catalogue cache, rate limits and live pages may each have a Redis of their own.
CACHE_REDIS_URL = env.text("CACHE_REDIS_URL", default=REDIS_URL)
LIMITS_REDIS_URL = env.text("LIMITS_REDIS_URL", default=REDIS_URL)
LIVE_REDIS_URL = env.text("LIVE_REDIS_URL", default=REDIS_URL)
# Keeps the keys of several sites on one Redis apart.
CACHE_PREFIX = env.text("CACHE_PREFIX", default="bulq")
# How long the lists of the catalogue are kept at most, in seconds.
CACHE_SECONDS = env.number("CACHE_SECONDS", default=15 * 60)
# Log lines as JSON, or as text for people.
LOG_JSON = env.flag("LOG_JSON", default=SERVED_OVER_HTTPS)
# Where errors are reported, besides the log.
SENTRY_DSN = env.text("SENTRY_DSN", default="")
# Address of the site, for links in mails.
SITE_URL = env.text("SITE_URL", default="http://localhost:8000").rstrip("/")
TIME_ZONE = env.text("TIME_ZONE", default="UTC")
DEFAULT_CURRENCY = env.text("DEFAULT_CURRENCY", default="EUR")
# Each named in itself, in the order in which they are offered.
LANGUAGES = [("en", "English"), ("sr-latn", "Srpski"), ("sr", "Српски"), ("ru", "Русский")]
_codes = [code for code, _name in LANGUAGES]
# For readers who have chosen none and whose browser asks for none of them. A shell may have it as `en_GB:en`.
LANGUAGE_CODE = env.read(
    "LANGUAGE",
    lambda text: _codes[_codes.index(code_of(text.partition(":")[0], _codes))],
    default="en",
    mistake=f"is none of {', '.join(_codes)}",
)
_console = environ.Env.email_url_config("consolemail://")
_mail = env.read("EMAIL_URL", environ.Env.email_url_config, default=_console)
vars().update(_mail)
EMAIL_TIMEOUT = env.number("EMAIL_TIMEOUT", default=10)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", default="Bulq <bulq@localhost>")

# Rate limits: a number per second, minute, hour or day, or per several ("5/30s"). Logins are counted by address, and by
# username and address; registrations and calendars by address; password resets by address and by recipient; the
# others by person.
RATELIMIT_ENABLE = env.flag("RATELIMIT_ENABLE", default=True)
RATE_LIMITS = {
    "login": env.text("RATE_LIMIT_LOGIN", default="5/m"),
    "login_name": env.text("RATE_LIMIT_LOGIN_NAME", default="5/m"),
    "registration": env.text("RATE_LIMIT_REGISTRATION", default="5/m"),
    "reset": env.text("RATE_LIMIT_RESET", default="5/m"),
    "reset_recipient": env.text("RATE_LIMIT_RESET_RECIPIENT", default="3/15m"),
    "bids": env.text("RATE_LIMIT_BIDS", default="20/m"),
    "calendar": env.text("RATE_LIMIT_CALENDAR", default="60/m"),
    "general": env.text("RATE_LIMIT_GENERAL", default="100/m"),
}
# Whether the admin asks for a code from an app, besides the password.
ADMIN_SECOND_FACTOR = env.flag("ADMIN_SECOND_FACTOR", default=not DEBUG)
# Addresses or networks of the proxies in front of the site; what they report as the client's address is trusted.
TRUSTED_PROXIES = env.read(
    "BULQ_TRUSTED_PROXIES", lambda text: [ip_network(network.strip()) for network in text.split(",")], default=[]
)

# Days after which read notifications are deleted.
NOTIFICATIONS_KEPT_DAYS = env.number("NOTIFICATIONS_KEPT_DAYS", default=90)
# Limits of one person, group and run (counted under a lock).
GROUPS_PER_USER = env.number("GROUPS_PER_USER", default=100)
MEMBERS_PER_GROUP = env.number("MEMBERS_PER_GROUP", default=100)
OPEN_RUNS_PER_GROUP = env.number("OPEN_RUNS_PER_GROUP", default=100)
PRODUCTS_PER_RUN = env.number("PRODUCTS_PER_RUN", default=100)
# A divisible product may weigh this much more or less than wanted and still count as matching.
WEIGHING_TOLERANCE_PERCENT = env.number("WEIGHING_TOLERANCE_PERCENT", default=10)
# The largest file with a store's catalogue that is read.
CATALOGUE_MAX_MB = env.number("CATALOGUE_MAX_MB", default=50)

# Backups go to an S3 bucket or a folder. Without either there are none.
BACKUP_S3_BUCKET = env.text("BACKUP_S3_BUCKET", default="")
BACKUP_S3_ENDPOINT = env.text("BACKUP_S3_ENDPOINT", default="")
BACKUP_S3_REGION = env.text("BACKUP_S3_REGION", default="")
BACKUP_S3_PREFIX = env.text("BACKUP_S3_PREFIX", default="bulq/")
BACKUP_S3_ACCESS_KEY = env.text("BACKUP_S3_ACCESS_KEY", default="")
BACKUP_S3_SECRET_KEY = env.text("BACKUP_S3_SECRET_KEY", default="")
BACKUP_S3_ENCRYPTION = env.text("BACKUP_S3_ENCRYPTION", default="")
BACKUP_S3_TIMEOUT = env.number("BACKUP_S3_TIMEOUT", default=60)
BACKUP_S3_CHECKSUMS = env.flag("BACKUP_S3_CHECKSUMS", default=True)
BACKUP_FOLDER = env.text("BACKUP_FOLDER", default="")
# For how many days, weeks and months the newest backup is kept.
BACKUP_KEEP = {
    "daily": env.number("BACKUP_KEEP_DAILY", default=7),
    "weekly": env.number("BACKUP_KEEP_WEEKLY", default=4),
    "monthly": env.number("BACKUP_KEEP_MONTHLY", default=12),
}
# Seconds that a whole backup, restore or drill may take.
BACKUP_TIME_LIMIT = env.number("BACKUP_TIME_LIMIT", default=3600)
# Time of the nightly backup, in UTC. A drill follows on Sundays.
BACKUP_AT = env.text("BACKUP_AT", default="03:00")
# Who is alerted when there are none, when one fails, and when all is well again.
BACKUP_ALERT_EMAILS = env.texts("BACKUP_ALERT_EMAILS", default=[])
BACKUP_ALERT_WEBHOOK = env.text("BACKUP_ALERT_WEBHOOK", default="")
# A service that sends an alert when it is no longer called; /start and /fail are called too.
BACKUP_HEARTBEAT_URL = env.text("BACKUP_HEARTBEAT_URL", default="")

# The queue from the web processes to the worker is in Redis too.
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", default=REDIS_URL)

# --- The application -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "bulq",
    "accounts",
    "stores",
    "bids",
    "bulq.office.apps.OfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django.forms",
    "django_htmx",
    "django_ratelimit",
    "csp",
]
MIDDLEWARE = [
    "bulq.middleware.requests.RequestLogMiddleware",
    "bulq.middleware.requests.ClientAddressMiddleware",
    "bulq.middleware.answers.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "bulq.middleware.languages.ReaderLanguageMiddleware",
    # The ones before this apply to every answer, whatever made it.
    "bulq.middleware.answers.ReadableMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "bulq.middleware.answers.HeadMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Needs the person, and comes before anything more expensive.
    "bulq.middleware.doors.RateLimitMiddleware",
    "bulq.middleware.languages.OwnLanguageMiddleware",
    "bulq.middleware.doors.LoginRequiredMiddleware",
    "bulq.middleware.forwarding.ForwardingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "bulq.middleware.moments.SnapshotMiddleware",
    # Last: it calls the view itself, inside the transaction that also stores the answer.
    "bulq.middleware.moments.OnceMiddleware",
]
ROOT_URLCONF = "bulq.urls"
WSGI_APPLICATION = "bulq.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "bulq.templatetags.languages",
                "bulq.templatetags.look",
                "bulq.templatetags.posting",
                "bids.templatetags.inbox",
            ],
        },
    }
]
FORM_RENDERER = "bulq.kit.forms.FormRenderer"

# --- Data ------------------------------------------------------------------------------------------
# After waiting three seconds for a lock, the person is told that someone else is saving; after as long for a server
# that does not answer, that the site is unavailable.
_database_options = {"options": "-c lock_timeout=3000", "connect_timeout": 3}
DATABASES = {"default": _database | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": _database_options}}
# No long waits for Redis. A connection it has closed is reopened once.
_redis_options = {
    "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
    "SOCKET_CONNECT_TIMEOUT": 0.2,
    "SOCKET_TIMEOUT": 0.2,
    "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 1, (RedisConnectionError,))},
}
_redis = {"BACKEND": "django_redis.cache.RedisCache", "OPTIONS": _redis_options, "KEY_PREFIX": CACHE_PREFIX}
CACHES = {
    "default": {**_redis, "LOCATION": CACHE_REDIS_URL},
    "limits": {**_redis, "LOCATION": LIMITS_REDIS_URL},
    "live": {**_redis, "LOCATION": LIVE_REDIS_URL},
    "queue": {**_redis, "LOCATION": CELERY_BROKER_URL},  # Celery has its own connections; this one is for its health
}
RATELIMIT_USE_CACHE = "limits"

# --- Work in the background ------------------------------------------------------------------------
CELERY_TIMEZONE = "UTC"
CELERY_TASK_IGNORE_RESULT = True
# Every step has its own limit; this one is for an answer that trickles in and never ends.
CELERY_TASK_TIME_LIMIT = BACKUP_TIME_LIMIT + 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "bulq.watch.heartbeats:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 30  # seconds; each loop is a heartbeat
# A web process that queues work does not wait long for a missing Redis.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{CACHE_PREFIX}:tasks:",
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}

# --- People ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["username", "name", "email"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.validators.MaximumLengthValidator"},
]
OTP_TOTP_ISSUER = "Bulq"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
# Messages are in the session, so that the page after a redirect shows them whichever answer got through.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
MESSAGE_UNDO = message_levels.SUCCESS + 1  # carries the address that takes it back: bulq.kit.http.offer_undo
MESSAGE_TAGS = {
    message_levels.ERROR: "bad",
    message_levels.WARNING: "warn",
    message_levels.SUCCESS: "ok",
    MESSAGE_UNDO: "undo",
}

# --- Languages -------------------------------------------------------------------------------------
FORMAT_MODULE_PATH = "bulq.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
LANGUAGE_COOKIE_NAME = "language"  # of strangers; a person's choice is theirs (accounts.User)
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"

# --- Files -----------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Once `collectstatic` has filled STATIC_ROOT (run with COLLECTING_STATIC=true), hashed files are served from there;
# until then, in development and tests, whitenoise serves them from where they are.
_static_root = Path(env.text("STATIC_ROOT", default=str(BASE_DIR / ".local" / "static")))
_collected = (_static_root / "staticfiles.json").exists() or env.flag("COLLECTING_STATIC", default=False)
STATIC_ROOT = _static_root if _collected else None
WHITENOISE_USE_FINDERS = not _collected
_static_storage = (
    "whitenoise.storage.CompressedManifestStaticFilesStorage"
    if _collected
    else "django.contrib.staticfiles.storage.StaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static_storage},
}

# --- Log -------------------------------------------------------------------------------------------
LOGGING_CONFIG = "bulq.logs.setup.configure"
LOGGING = configuration(as_json=LOG_JSON)

# --- Security --------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SERVED_OVER_HTTPS
if SERVED_OVER_HTTPS:
    # Browsers take these from this host alone, and over HTTPS alone.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME = "__Host-language"
    # Only from a trusted proxy: see ClientAddressMiddleware.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health/"]  # called from a neighbouring machine, without a proxy
    SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", default=365 * 24 * 3600)
# Subdomains and browsers' preload lists are for the domain's owner to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# The camera reads bar codes (static/js/scan.js).
PERMISSIONS_POLICY = "camera=(self), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "bulq.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- What is unsafe on the internet ----------------------------------------------------------------
if SERVED_OVER_HTTPS:
    if DEBUG:
        env.problem("DEBUG is on, which shows strangers how the site is set up.")
    if SECRET_KEY and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10):
        env.problem("SECRET_KEY is too short or too simple: use 50 random characters or more.")
    if _database.get("PASSWORD", "") in ("", "bulq", "postgres", "password", "secret"):
        env.problem("DATABASE_URL has no password, or one that anyone would try.")
    if _here == ALLOWED_HOSTS:
        env.problem("ALLOWED_HOSTS is not set.")
    if _mail == _console:
        env.problem("EMAIL_URL is not set, so password reset links would go into the log.")
    if not SITE_URL.startswith("https://"):
        env.problem("SITE_URL does not begin with https://.")
env.refuse_mistakes()
