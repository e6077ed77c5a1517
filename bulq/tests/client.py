"""A test client that posts as a page would: with a fresh one-time id in every form."""

import uuid

from django.test import Client


class FormClient(Client):
    """`client.post(...)` adds a fresh one-time id, unless the data bring one or `once=False`."""

    def post(self, path, data=None, *args, once=True, **kwargs):
        data = {} if data is None else data
        if once and isinstance(data, dict):
            data = {"once": str(uuid.uuid4())} | data
        return super().post(path, data, *args, **kwargs)

    def signed_in_as(self, user):
        self.force_login(user)
        return self


def signed_in(user):
    return FormClient().signed_in_as(user)
