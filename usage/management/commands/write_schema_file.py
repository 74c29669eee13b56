"""`write_schema_file`: writes `usage/sql/schema.sql` anew, from the migrations."""

from pathlib import Path
from typing import Any

from django.db import connection

import usage
from aio_platform.command import Answer, ScriptableCommand
from aio_platform.db import database
from usage.schema_text import schema_text

SCHEMA_FILE = Path(usage.__file__).parent / "sql" / "schema.sql"
SCRATCH_DATABASE = "aio_schema_scratch"


class Command(ScriptableCommand):
    help = "Migrate a scratch database and write down what that makes of the books. For developers."

    def perform(self, options: dict[str, Any]) -> Answer:
        database.act_as_owner()
        configured = connection.settings_dict["NAME"]
        connection.settings_dict["TEST"]["NAME"] = SCRATCH_DATABASE
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            with connection.cursor() as cursor:
                text = schema_text(cursor)
        finally:
            connection.creation.destroy_test_db(configured, verbosity=0)
        changed = not SCHEMA_FILE.exists() or SCHEMA_FILE.read_text() != text
        SCHEMA_FILE.write_text(text)
        return Answer(
            text=f"{SCHEMA_FILE} {'is written anew' if changed else 'was right already'}.",
            data={"file": str(SCHEMA_FILE), "changed": changed},
        )
