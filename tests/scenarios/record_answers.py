"""`make docs-answers`: writes down what a platform that is started for it answers to the documentation's examples."""

import json
import os
import tempfile
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aio_platform.settings")
# The examples stand in the registry of endpoints, which reads the settings.
django.setup()

from running_platform import RunningPlatform  # noqa: E402
from scenarios.real_answers import ENVIRONMENT, real_answers  # noqa: E402

from gateway.docs_site.answers import RECORDED_ANSWERS  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        # PostgreSQL's own user, where root starts it, must be able to pass through.
        Path(directory).chmod(0o755)
        platform = RunningPlatform(Path(directory) / "data", environment=dict(ENVIRONMENT)).start()
        try:
            reader = platform.new_tenant(credits="100000", key_options=("--manage-keys",))
            found = real_answers(platform, reader)
        finally:
            platform.stop()
    RECORDED_ANSWERS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
