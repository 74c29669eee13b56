"""Django's PostgreSQL backend, which starts the embedded server when a connection is first wanted."""

from typing import Any

from django.db.backends.postgresql import base

from aio_platform import database


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        if database.uses_embedded_server():
            self.settings_dict["HOST"] = database.embedded().socket_directory()
        params = super().get_connection_params()
        params["options"] = database.session_options()
        return params
