"""The platform's settings for a test run: a data directory of its own, connections as the databases' owner.

The environment is set before settings are read, so a run never touches a newcomer's `.aio/`. Processes that tests
start (servers, workers) are given an environment of their own and run as the application's role.
"""

import atexit
import os
import shutil
import tempfile

_data_dir = os.environ.get("AIO_TEST_DATA_DIR")
if _data_dir is None:
    _data_dir = tempfile.mkdtemp(prefix="aio-test-")
    atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["AIO_DATA_DIR"] = _data_dir
os.environ["AIO_DATABASE_AS_OWNER"] = "1"
os.environ["SECRET_KEY"] = "only-for-tests"
os.environ.setdefault("AIO_LOG_LEVEL", "WARNING")

from aio_platform.settings import *  # noqa: E402, F403
from aio_platform.settings import INSTALLED_APPS, MIDDLEWARE  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "quick_flush"]
MIDDLEWARE = [
    "static_files_found_once.FilesFoundOnce"
    if middleware == "whitenoise.middleware.WhiteNoiseMiddleware"
    else middleware
    for middleware in MIDDLEWARE
]
# A real one is made to take a third of a second each time. Platforms that tests start have theirs.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
