"""Reports errors to Sentry, if the operator names one: what the log has about them, and the traceback."""

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration

from . import lines

KEPT = ("event_id", "timestamp", "level", "logger", "platform", "environment", "release", "server_name", "sdk")
TAGS = ("request", "method", "route", "status", "task")
FRAME = (
    *("filename", "abs_path", "module", "function", "lineno", "in_app"),
    *("pre_context", "context_line", "post_context"),
)
NONE = {"mode": "off"}


def start(dsn):
    """Lines of level ERROR are its only source, in web, live and worker alike: nothing is patched."""
    sentry_sdk.init(
        dsn=dsn,
        default_integrations=False,
        integrations=[
            LoggingIntegration(level=None, sentry_logs_level=None),
            ExcepthookIntegration(),
            DedupeIntegration(),
            AtexitIntegration(callback=lambda *_args: None),  # its own writes to stderr
        ],
        before_send=only_what_is_logged,
        data_collection={
            **{"user_info": False, "cookies": NONE, "http_headers": {"request": NONE}, "http_bodies": []},
            **{"url_query_params": NONE, "database_query_data": False, "queues": False},
            "stack_frame_variables": False,
        },
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=None,
        propagate_traces=False,
        trace_propagation_targets=[],
        auto_session_tracking=False,
        send_client_reports=False,
        enable_metrics=False,
    )


def only_what_is_logged(event, hint):
    """Build a new event, so that anything the library may add later is left out."""
    kept = _picked(event, KEPT)
    kept["exception"] = {"values": [_exception(error) for error in event.get("exception", {}).get("values", [])]}
    if record := hint.get("log_record"):
        facts = lines.facts(record)
        kept["logentry"] = {"formatted": facts["message"]}
        kept["tags"] = {name: str(facts[name]) for name in TAGS if facts.get(name)}
        kept["transaction"] = facts.get("route") or facts.get("task") or ""
    return kept


def _exception(error):
    frames = (error.get("stacktrace") or {}).get("frames", [])
    return {
        **_picked(error, ("type", "module")),
        "value": lines.first_line(error.get("value") or ""),
        "stacktrace": {"frames": [_picked(frame, FRAME) for frame in frames]},
    }


def _picked(whole, names):
    return {name: whole[name] for name in names if name in whole}
