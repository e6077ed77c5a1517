"""Errors that a person can read about and correct."""

from django.core.exceptions import BadRequest


class AddressTooLong(BadRequest):
    """The address is longer than any of ours."""


class BulqError(Exception):
    """A refusal: nothing was changed, and `message` is the sentence the person reads.

    `field` names the form field the sentence belongs to; `status` is the HTTP status of the answer.
    """

    status = 422

    def __init__(self, message, *, field=None):
        super().__init__(message)
        self.message = message
        self.field = field


class ChangedMeanwhile(BulqError):
    """What the person saw has changed since."""

    status = 409


class Busy(BulqError):
    """Someone else has held the lock for longer than a person should wait."""

    status = 409


class NotAllowed(BulqError):
    """The person may see this, but the action is for others."""

    status = 403
