"""Read by gunicorn before the site, for web and live: its own lines look like the site's."""

from bulq.environment import Environment
from bulq.logs import setup

_env = Environment()
_served_over_https = _env.flag("SERVED_OVER_HTTPS", default=False)
# Our own request log replaces the access log.
logconfig_dict = setup.configuration(as_json=_env.flag("LOG_JSON", default=_served_over_https))
