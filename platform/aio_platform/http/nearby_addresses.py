"""Which address somebody meant who called one that is not there: a slash too many, a mount twice or not at all.

Told instead of redirected to: clients lose their body on a redirect, and their key on one to another host.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module

from django.conf import settings
from django.urls import Resolver404, ResolverMatch, get_resolver

MOUNTS = ("/v1", "/api/v1", "/api", "/llm/v1")
MAX_PATH_LENGTH = 200
METHODS = ("get", "post", "put", "patch", "delete")
_SLASHES = re.compile(r"/{2,}")
_MOUNTS_WRITTEN = re.compile(r"^(?:/(?:api|llm|openai))*(?:/v1(?:beta)?)*(?=/|$)")


def nearby(path: str) -> str | None:
    """The API's address that `path` stands for, or None; never `path` itself."""
    if len(path) > MAX_PATH_LENGTH:
        return None
    plain = _SLASHES.sub("/", path).rstrip("/")
    bare = _MOUNTS_WRITTEN.sub("", plain)
    mount = next(
        (mount for mount in ("/api/v1", "/llm/v1", "/api", "/v1") if plain.startswith(mount + "/")), "/v1"
    )
    # The mount that was written comes first; without one, OpenAI's.
    for candidate in (plain, mount + bare, mount + "/v1" + bare, *(other + bare for other in MOUNTS)):
        if candidate != path and _match(candidate) is not None:
            return candidate
    return None


def methods_of(path: str) -> list[str]:
    """The methods that an address of the API takes, in capitals."""
    match = _match(path)
    view = getattr(match.func, "view_class", None) or getattr(match.func, "cls", None) if match else None
    return [method.upper() for method in METHODS if hasattr(view, method)]


def use(path: str) -> str:
    """ "Use POST /v1/chat/completions." """
    methods = " or ".join(methods_of(path))
    return f"Use {methods} {path}." if methods else f"Use {path}."


def bare_addresses() -> str:
    """A pattern of OpenAI's addresses without their `/v1`, whatever stands before them."""
    routes = [str(each.pattern) for each in import_module(settings.GATEWAY_URLCONF).urlpatterns]
    names = [route.removeprefix("v1/") for route in routes if route.startswith("v1/") and "<" not in route]
    return rf"^(?:.*/)?(?:{'|'.join(re.escape(name) for name in names)})/*$"


def _match(path: str) -> ResolverMatch | None:
    for resolve in _resolvers():
        try:
            return resolve(path)
        except Resolver404:
            continue
    return None


@cache
def _resolvers() -> tuple[Callable[[str], ResolverMatch], ...]:
    return tuple(
        get_resolver(urlconf).resolve for urlconf in (settings.GATEWAY_URLCONF, *settings.API_URLCONFS)
    )
