"""Production settings, with the empty page added."""

from bulq.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
