"""Production settings, with the empty page added."""

from bulq.settings import *  # noqa: F403 - all of them, as they are

ROOT_URLCONF = "benchmarks.urls"
