"""What the gateway keeps besides the books."""

from django.db import models
from django.db.models.functions import Now


class CatalogVersion(models.Model):
    """A catalog as it was loaded; the newest is the one in force. It holds no secrets, only their names."""

    version = models.BigAutoField(primary_key=True)
    toml = models.TextField()
    digest = models.CharField(max_length=64, editable=False)
    loaded_at = models.DateTimeField(db_default=Now(), editable=False)
    loaded_by = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"catalog version {self.version}"
