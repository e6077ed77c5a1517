"""The environment, read once by the settings. Mistakes are collected and reported together."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

YES_NO = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Environment:
    """Variables by name, read directly or from the file that `<name>_FILE` names; empty counts as not set.

    Error messages name variables but never show their values, which may be secret.
    """

    def __init__(self, variables=os.environ):
        self._variables, self._problems = variables, {}

    def text(self, name, default):
        return self.read(name, str, default)

    def required(self, name, convert=str, missing=""):
        """`missing` is a placeholder value until all mistakes are known."""
        if not self._text_of(name):
            self.problem(f"{name} is not set.")
        return self.read(name, convert, missing)

    def number(self, name, default):
        return self.read(name, int, default, "is not a whole number")

    def flag(self, name, *, default):
        return self.read(name, lambda text: YES_NO[text.lower()], default, "is neither true nor false")

    def texts(self, name, default=()):
        return self.read(name, lambda text: [part.strip() for part in text.split(",") if part.strip()], list(default))

    def read(self, name, convert, default, mistake="cannot be read"):
        text = self._text_of(name)
        if not text:
            return default
        try:
            return convert(text)
        except (ValueError, KeyError, ImproperlyConfigured):
            self.problem(f"{name} {mistake}.")
            return default

    def _text_of(self, name):
        text, path = self._variables.get(name, "").strip(), self._variables.get(f"{name}_FILE")
        if text or not path:
            return text
        try:
            return Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError):
            self.problem(f"{name}_FILE names a file that cannot be read.")
            return ""

    def problem(self, sentence):
        self._problems[sentence] = True  # each once, in order

    def refuse_mistakes(self):
        if self._problems:
            raise ImproperlyConfigured("\n- ".join(["The settings are wrong:", *self._problems]))
