"""People, the groups they buy in, and the site's own settings."""

import secrets
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import MinLengthValidator, RegexValidator
from django.db import models
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext, gettext_noop, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from bulq.kit.names import normalise_username

from .validators import validate_plain_line


class UserQuerySet(models.QuerySet):
    def mailed(self):
        """People who gave an e-mail address and want notifications there."""
        return self.filter(wants_mail=True, is_active=True).exclude(email="")


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
    def get_by_natural_key(self, username):
        return self.get(username=normalise_username(username))

    def create_user(self, username, password=None, **fields):
        user = self.model(username=normalise_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username, password=None, **fields):
        return self.create_user(username, password, **{"is_staff": True, "is_superuser": True} | fields)


def new_session_salt():
    return secrets.token_hex(16)


# The name of closed accounts, as it is stored.
FORMER_MEMBER = gettext_noop("former member")


class PersonNameField(models.CharField):
    """Whoever reads the name of a closed account reads it in their own language."""

    def from_db_value(self, value, _expression, _connection):
        return gettext(FORMER_MEMBER) if value == FORMER_MEMBER else value

    def deconstruct(self):
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class User(AbstractBaseUser, PermissionsMixin):
    class Theme(models.TextChoices):
        SYSTEM = "system", _("Same as my device")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    username = models.CharField(
        _("username"),
        max_length=50,
        unique=True,
        validators=[
            MinLengthValidator(3),
            RegexValidator(r"^[a-z0-9_-]+\Z", _("Use letters from a to z, digits, _ and -")),
        ],
        error_messages={"unique": _("This username is already taken")},
    )
    name = PersonNameField(_("name"), max_length=100, validators=[validate_plain_line])
    email = models.EmailField(_("e-mail"), blank=True)
    wants_mail = models.BooleanField(_("notifications by e-mail"), default=False)
    # Before runs close; in the inbox, and by e-mail for people who want that.
    wants_reminders = models.BooleanField(_("reminders"), default=True, db_default=True)
    # Lets its holder read the person's calendar; None until the person asks for an address.
    calendar_token = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    theme = models.CharField(_("theme"), max_length=6, choices=Theme, default=Theme.SYSTEM)
    # Empty: as the browser says, and in mails the site's.
    language = models.CharField(
        _("language"),
        max_length=20,
        choices=[("", _("Same as my device")), *settings.LANGUAGES],
        default="",
        db_default="",
        blank=True,
    )
    is_staff = models.BooleanField(_("site admin"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # A new value ends every session of the person on every device.
    session_salt = models.CharField(max_length=32, default=new_session_salt, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name, verbose_name_plural = _("person"), _("people")
        constraints = [
            models.CheckConstraint(condition=models.Q(username=Lower("username")), name="username_is_lower_case"),
            models.CheckConstraint(condition=~models.Q(name=""), name="user_has_name"),
            models.CheckConstraint(condition=models.Q(theme__in=["system", "light", "dark"]), name="user_theme_known"),
            models.CheckConstraint(
                condition=models.Q(language__in=["", *dict(settings.LANGUAGES)]), name="user_language_known"
            ),
        ]

    def __str__(self):
        return self.name

    def clean(self):
        super().clean()
        self.username = normalise_username(self.username or "")
        self.name = self.name.strip()

    def get_short_name(self):
        return self.name

    def get_session_auth_hash(self):
        return self._salted(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self):
        yield from map(self._salted, super().get_session_auth_fallback_hash())

    def _salted(self, session_hash):
        return salted_hmac("accounts.session", session_hash, secret=self.session_salt).hexdigest()


class HowToPay(models.Model):
    """How someone wants to be paid. Read by `bids.reading.paying` alone, which knows who owes them.

    A row of its own, so that no page, list, cache or error that has a person has their account number.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="how_to_pay")
    text = models.CharField(max_length=200, blank=True)
    # Compact; see bulq.kit.bank.
    account = models.CharField(max_length=34, blank=True)
    bic = models.CharField(max_length=11, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("way to be paid"), _("ways to be paid")

    def __str__(self):
        return f"of {self.user_id}"


def new_join_token():
    """192 random bits, safe in an address."""
    return secrets.token_urlsafe(24)


def new_calendar_token():
    """256 random bits: nobody is asked for anything else, and the address is requested for years."""
    return secrets.token_urlsafe(32)


class GroupQuerySet(models.QuerySet):
    def active(self):
        return self.filter(archived_at=None)

    def visible_to(self, user):
        return self.filter(memberships__user=user)

    def joinable(self):
        return self.active().filter(is_joining_open=True)

    def in_order(self):
        """By name, archived groups last."""
        return self.order_by(models.F("archived_at").desc(nulls_first=True), Lower("name"), "pk")

    def with_member_count(self):
        memberships = Membership.objects.filter(group=models.OuterRef("pk")).order_by().values("group")
        counted = memberships.annotate(count=models.Count("pk")).values("count")
        return self.annotate(member_count=Coalesce(models.Subquery(counted), 0))


class Group(models.Model):
    """Friends who buy together."""

    name = models.CharField(
        pgettext_lazy("thing", "name"), max_length=100, validators=[MinLengthValidator(2), validate_plain_line]
    )
    currency = models.CharField(_("currency"), max_length=3)
    # The currency is fixed from the first run on.
    is_currency_fixed = models.BooleanField(default=False, editable=False)
    join_token = models.CharField(max_length=32, unique=True, default=new_join_token, editable=False)
    is_joining_open = models.BooleanField(_("joining is open"), default=True)
    # Its IANA name. Empty in groups from before there were time zones: the site's.
    timezone = models.CharField(_("time zone"), max_length=64, default="", db_default="", blank=True)
    sends_reminders = models.BooleanField(_("sends reminders"), default=True, db_default=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="bulq_groups")

    objects = GroupQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="group_has_name")]

    def __str__(self):
        return self.name

    @property
    def zone(self):
        return ZoneInfo(self.timezone or settings.TIME_ZONE)


class MembershipQuerySet(models.QuerySet):
    def admins(self):
        return self.filter(is_admin=True)

    def in_active_groups(self):
        return self.filter(group__archived_at=None)

    def irreplaceable(self):
        """Memberships of admins who are the only admin in a group with other members."""
        members = models.Count("group__memberships")
        admins = models.Count("group__memberships", filter=models.Q(group__memberships__is_admin=True))
        counted = self.admins().select_related("group").annotate(members=members, admins=admins)
        return counted.filter(admins=1, members__gt=1).order_by("pk")

    def in_order(self):
        """Group admins first, then by name."""
        return self.order_by("-is_admin", Lower("user__name"), "pk")


class Membership(models.Model):
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    is_admin = models.BooleanField(_("group admin"), default=False)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="one_membership")]

    def __str__(self):
        return f"{self.user} in {self.group}"


class ResetRequest(models.Model):
    """A request for a password reset, for an address that may belong to nobody.

    The row is deleted once the worker has sent the mail, or found nobody to send it to.
    """

    email = models.EmailField()
    asked_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"asked at {self.asked_at}"


class SiteSettings(models.Model):
    """A single row: what a site admin decides for everyone."""

    class Registration(models.TextChoices):
        OPEN = "open", _("Open to everyone")
        INVITED = "invited", _("By invitation to a group only")
        CLOSED = "closed", _("Closed")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    registration = models.CharField(_("registration"), max_length=7, choices=Registration, default=Registration.OPEN)

    class Meta:
        verbose_name = verbose_name_plural = _("site settings")
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_row_of_site_settings"),
            models.CheckConstraint(
                condition=models.Q(registration__in=["open", "invited", "closed"]), name="registration_known"
            ),
        ]

    def __str__(self):
        return str(self._meta.verbose_name)

    @classmethod
    def current(cls):
        return cls.objects.first() or cls()
