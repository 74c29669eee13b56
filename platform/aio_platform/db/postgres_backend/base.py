"""Django's PostgreSQL backend, which starts the embedded server when a connection is first wanted."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base

from aio_platform.db import database


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        if database.uses_embedded_server():
            self.settings_dict["HOST"] = database.embedded_socket_directory()
        params = super().get_connection_params()
        params["options"] = database.session_options()
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            # What is missing is said by the server in words alone.
            if database.uses_embedded_server() and f'"{conn_params["dbname"]}" does not exist' in str(error):
                raise database.NoDatabaseHere from error
            raise
