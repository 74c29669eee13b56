"""Who: people, accounts, their memberships, plans and API keys."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_noop as _

from accounts.public_ids import new_account_id, new_invitation_id, new_key_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a person; without a password they can only sign in after a reset."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person, known by an e-mail address."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    # When the person was given a trial's credits; nobody is given them twice.
    trial_given_at = models.DateTimeField(null=True, blank=True, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.email


class Plan(models.Model):
    """What an account may do a minute and a day; none of it is money except the bonus at sign-up."""

    slug = models.SlugField(primary_key=True)
    calls_per_minute = models.PositiveIntegerField(null=True, blank=True)
    trial_calls_per_day = models.PositiveIntegerField(null=True, blank=True)
    signup_bonus_microcredits = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="accounts_plan_bonus_not_negative", condition=models.Q(signup_bonus_microcredits__gte=0)
            )
        ]

    def __str__(self) -> str:
        return self.slug


class Account(models.Model):
    """A tenant."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"

    public_id = models.CharField(max_length=32, unique=True, default=new_account_id, editable=False)
    name = models.CharField(max_length=100, unique=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="accounts")

    class Meta:
        permissions = [
            ("set_plan", _("Can change an account's plan")),
            ("suspend_account", _("Can suspend and reactivate accounts")),
            ("grant_credits", _("Can grant credits")),
            ("view_as_member", _("Can see the dashboard as an account's members do")),
        ]
        constraints = [
            models.CheckConstraint(
                name="accounts_account_status_known", condition=models.Q(status__in=["active", "suspended"])
            )
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in an account."""

    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        DEVELOPER = "developer"
        VIEWER = "viewer"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="accounts_membership_once"),
            models.CheckConstraint(
                name="accounts_membership_role_known",
                condition=models.Q(role__in=["owner", "admin", "developer", "viewer"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.account}"


class ApiKey(models.Model):
    """A program's credential. Only the digest is kept; `prefix` and `last_four` are what people see."""

    public_id = models.CharField(max_length=32, unique=True, default=new_key_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    last_four = models.CharField(max_length=4)
    digest = models.BinaryField(unique=True, max_length=32)
    # None means no limit. An empty list never reaches the table: it would allow nothing and look like all.
    allowed_endpoints = ArrayField(models.CharField(max_length=64), null=True, blank=True)
    allowed_models = ArrayField(models.CharField(max_length=200), null=True, blank=True)
    allowed_networks = ArrayField(models.CharField(max_length=43), null=True, blank=True)
    may_manage_keys = models.BooleanField(default=False, db_default=False)
    cap_day_microcredits = models.BigIntegerField(null=True, blank=True)
    cap_month_microcredits = models.BigIntegerField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    replaces = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # Limits are counted where a key cannot begin anew: the first of the keys that replaced one another (None: this
    # one), and those first ones of every key that issued it or gave it more. See ADR 22.
    rotation_root = models.ForeignKey(
        "self", on_delete=models.RESTRICT, null=True, blank=True, related_name="+"
    )
    issued_by = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    issuer_roots = ArrayField(models.BigIntegerField(), null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("revoke_apikey", _("Can revoke API keys"))]
        indexes = [
            models.Index(fields=["account", "-id"], name="accounts_apikey_listing"),
            models.Index(fields=["prefix"], name="accounts_apikey_by_prefix"),
        ]
        constraints = [
            models.CheckConstraint(
                name="accounts_apikey_caps_not_negative",
                condition=(
                    (models.Q(cap_day_microcredits=None) | models.Q(cap_day_microcredits__gte=0))
                    & (models.Q(cap_month_microcredits=None) | models.Q(cap_month_microcredits__gte=0))
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def meter_id(self) -> int:
        """The key on whose meter this one's calls are counted: itself, or the first of those it replaced."""
        return self.rotation_root_id or self.pk

    def is_live(self, at: datetime) -> bool:
        """Neither revoked nor expired at that moment."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


class Invitation(models.Model):
    """An offer of a role to whoever has that e-mail address, open until it is accepted, withdrawn or past its time."""

    public_id = models.CharField(max_length=32, unique=True, default=new_invitation_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Membership.Role)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=models.Q(ended_at=None),
                name="accounts_invitation_open_once",
            ),
            models.CheckConstraint(
                name="accounts_invitation_role_known",
                condition=models.Q(role__in=["owner", "admin", "developer", "viewer"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role} of {self.account}"

    def is_open(self, at: datetime) -> bool:
        """Neither accepted nor withdrawn nor past its time at that moment."""
        return self.ended_at is None and self.expires_at > at


class AuditEntry(models.Model):
    """One thing that was done to an account, or by our staff. Rows are only ever added, and outlive what they name."""

    class ActorKind(models.TextChoices):
        MEMBER = "member"
        KEY = "key"
        STAFF = "staff"
        SYSTEM = "system"

    at = models.DateTimeField(db_default=Now(), editable=False)
    actor_kind = models.CharField(max_length=16, choices=ActorKind)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_label = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=64)
    target_kind = models.CharField(max_length=32)
    target_id = models.CharField(max_length=200)
    target_label = models.CharField(max_length=200, blank=True)
    account_id = models.BigIntegerField(null=True, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    address = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["actor_label", "-id"], name="accounts_audit_by_actor"),
            models.Index(fields=["account_id", "-id"], name="accounts_audit_of_account"),
            models.Index(fields=["action", "-id"], name="accounts_audit_by_action"),
        ]

    def __str__(self) -> str:
        return (
            f"{self.action} of {self.target_kind} {self.target_id} by {self.actor_label or self.actor_kind}"
        )
