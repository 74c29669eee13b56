"""Where copies of results are: Django's storage named "results" in STORAGES, else a directory beside our data."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage, storages

ALIAS = "results"


def result_storage() -> Storage:
    """The storage in use."""
    if ALIAS in settings.STORAGES:
        return storages[ALIAS]
    return _directory(Path(settings.AIO_DATA_DIR) / "results")


@lru_cache(maxsize=2)
def _directory(location: Path) -> FileSystemStorage:
    # For us alone: who may read a file is decided by its token.
    return FileSystemStorage(location, file_permissions_mode=0o600, directory_permissions_mode=0o700)
