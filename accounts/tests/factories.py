"""Plain factories with a fixed cast: Alice leads, Bob takes part, Dora is in the group but not in the run,
Charlie is in another group."""

from itertools import count

from accounts.models import Group, Membership, User

PASSWORD = "correct horse battery"
_numbers = count(1)


def make_user(name="Alice", **fields):
    number = next(_numbers)
    username = fields.pop("username", f"{name.lower()}{number}" if name.isascii() else f"user{number}")
    user = User(username=username, name=name, **fields)
    # One cheap password for the many users of a test: hashing is what a login test is about, not a factory.
    user.password = fields.get("password", "!")
    user.save()
    return user


def make_group(name="Thursday Club", *, admin, members=(), currency="EUR", **fields):
    group = Group.objects.create(name=name, currency=currency, **fields)
    Membership.objects.create(group=group, user=admin, is_admin=True)
    Membership.objects.bulk_create(Membership(group=group, user=user) for user in members)
    return group
