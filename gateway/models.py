"""What the gateway keeps besides the books."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_noop as _


class CatalogVersion(models.Model):
    """A catalog as it was loaded; the newest is the one in force. It holds no secrets, only their names."""

    class Source(models.TextChoices):
        FILE = "file"
        STAFF = "staff"

    version = models.BigAutoField(primary_key=True)
    toml = models.TextField()
    digest = models.CharField(max_length=64, editable=False)
    loaded_at = models.DateTimeField(db_default=Now(), editable=False)
    loaded_by = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=200, blank=True)
    # Starting with a file that was loaded before must not undo what staff changed since.
    source = models.CharField(
        max_length=8, choices=Source, default=Source.FILE, db_default=Source.FILE, editable=False
    )

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("drain_upstream", _("Can drain upstreams and put them back")),
            ("change_route", _("Can change routes: on and off, weights, failover order")),
            ("publish_rate", _("Can publish rates")),
            ("load_catalog", _("Can load a catalog")),
            ("export_catalog", _("Can export the catalog")),
            ("view_task", _("Can see tasks")),
            ("cancel_task", _("Can cancel tasks")),
            ("view_delivery", _("Can see callback deliveries")),
            ("resend_delivery", _("Can send callback deliveries again")),
        ]

    def __str__(self) -> str:
        return f"catalog version {self.version}"


class CatalogProcess(models.Model):
    """A process that follows the catalog: which version it runs, and why it does not run a newer one.

    A row says nothing by itself: the process lives while the advisory lock of its number is held.
    """

    number = models.IntegerField(primary_key=True)
    name = models.CharField(max_length=300)
    version = models.BigIntegerField()
    refused_version = models.BigIntegerField(null=True)
    problems = models.TextField(blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class CatalogTrial(models.Model):
    """A catalog that every running process is asked about before it is put in force."""

    file = models.TextField()
    toml = models.TextField()
    asked_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"trial of {self.file}"


class CatalogVerdict(models.Model):
    """What one process makes of a catalog on trial: nothing in `problems` where it could run it."""

    # No foreign key: a verdict that comes when its trial is over must not fail.
    trial_id = models.BigIntegerField()
    process = models.IntegerField()
    problems = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["trial_id", "process"], name="gateway_one_verdict")]

    def __str__(self) -> str:
        return f"verdict on trial {self.trial_id}"


class UpstreamProblem(models.Model):
    """Something that staff have to see to at an upstream; `route` is empty where it is the whole server's."""

    class Kind(models.TextChoices):
        NOT_WELCOME = "not_welcome"
        UNASKED = "unasked"

    upstream = models.CharField(max_length=200)
    route = models.CharField(max_length=400)
    kind = models.CharField(max_length=16, choices=Kind)
    status = models.IntegerField(null=True)
    request_id = models.CharField(max_length=200)
    times = models.BigIntegerField()
    first_at = models.DateTimeField(db_default=Now(), editable=False)
    last_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["upstream", "route", "kind"], name="gateway_one_problem")
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.upstream}"
