"""Whether this process lives, and whether it can serve."""

import structlog
from django.db import connection
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse

log = structlog.get_logger(__name__)


def alive(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks nothing else, so that a database outage restarts nothing."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """200 when the database answers with its schema in place, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM accounts_plan LIMIT 1")
    except DatabaseError as error:
        log.warning("not ready", error=type(error).__name__)
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    return JsonResponse({"status": "ok", "database": "ok"})
