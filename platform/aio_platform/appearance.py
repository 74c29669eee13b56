"""How pages look to this visitor: light or dark, and the time zone, both kept in cookies."""

import zoneinfo
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

THEME_COOKIE = "aio_theme"
TIME_ZONE_COOKIE = "aio_time_zone"  # the browser's, which script tells us
CHOSEN_TIME_ZONE_COOKIE = "aio_chosen_time_zone"  # the one that was asked for in the settings
THEMES = ("light", "dark")


class AppearanceMiddleware:
    """Shows times in the visitor's time zone, which the first page's script told us; UTC until then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(time_zone_of(request)):
            return self.get_response(request)


def time_zone_of(request: HttpRequest) -> zoneinfo.ZoneInfo:
    """The time zone that the visitor chose, else their browser's; UTC where neither is known."""
    # The script writes it percent-encoded, as cookies need.
    told = unquote(request.COOKIES.get(TIME_ZONE_COOKIE, ""))
    named = request.COOKIES.get(CHOSEN_TIME_ZONE_COOKIE) or told
    try:
        return zoneinfo.ZoneInfo(named)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return zoneinfo.ZoneInfo("UTC")


def appearance(request: HttpRequest) -> dict[str, Any]:
    """Context of every template: `theme` ("light", "dark", or "" for the system's) and the languages."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "theme": theme if theme in THEMES else "",
        "language": translation.get_language() or settings.LANGUAGE_CODE,
        "languages": settings.LANGUAGES,
        "time_zone": timezone.get_current_timezone_name(),
    }
