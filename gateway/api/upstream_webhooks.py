"""POST /webhooks/upstreams/{upstream}: an upstream says that its task has moved.

A hint and nothing more: what it says about the task is not believed, the task is looked at sooner. Its signature is
checked all the same, or anybody could keep our workers busy.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog
from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from aio_platform.errors import AuthenticationRequired, NotFound, ServiceUnavailable
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import gettext_noop
from gateway.adapters.protocol import MalformedAnswer
from gateway.adapters.registry import TASK_ADAPTERS
from gateway.adapters.tasks.protocol import ForgedWebhook, TaskAdapter
from gateway.calls.runtime import runtime
from gateway.errors import NO_ROOM
from gateway.http.authentication import address_of
from gateway.http.unproven_bodies import room_for
from gateway.http.uploads import body_deadline
from gateway.tasks.metrics import WEBHOOKS
from gateway.tasks.providers import task_routes, webhook_secret_of

log = structlog.get_logger(__name__)
MAX_WEBHOOK_BYTES = 1_000_000


class UpstreamWebhookView(AsyncAPIView):
    """204 for a genuine one, whether or not it was news; 401 for a forged one; 404 for an unknown upstream."""

    schema = None  # for upstreams, not for customers

    async def post(self, drf_request: Request, upstream: str) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        verifiers = _verifiers_of(upstream)
        if not verifiers:
            raise NotFound(gettext_noop("There is nothing at this address."))
        with room_for(MAX_WEBHOOK_BYTES, address_of(request)) as has_room:
            if not has_room:
                raise ServiceUnavailable(NO_ROOM)
            async with body_deadline():
                body = await request.read_body(MAX_WEBHOOK_BYTES)
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.raw_headers.items()
        }
        # In a thread: a large body is hashed, and a public-key signature takes a while.
        key = await asyncio.to_thread(_genuine_key, verifiers, headers, body)
        if key is None:
            WEBHOOKS[upstream, "forged"].add()
            log.warning("a forged webhook was refused", upstream=upstream)
            raise AuthenticationRequired(gettext_noop("The webhook's signature is not right."))
        known = await runtime().tasks.hint(upstream, key)
        WEBHOOKS[upstream, "hint" if known else "no_news"].add()
        return HttpResponse(status=204)


def _verifiers_of(upstream: str) -> list[tuple[TaskAdapter, str]]:
    """The adapters that speak with this upstream, each with the secret it is to check with."""
    found: dict[tuple[str, str], TaskAdapter] = {}
    for route in task_routes(runtime().catalog.current):
        if route.upstream.name == upstream:
            secret = webhook_secret_of(route)
            if secret is not None:
                found[route.adapter, secret] = TASK_ADAPTERS[route.adapter]
    return [(adapter, secret) for (_, secret), adapter in found.items()]


def _genuine_key(
    verifiers: Sequence[tuple[TaskAdapter, str]], headers: dict[str, str], body: bytes
) -> str | None:
    for adapter, secret in verifiers:
        try:
            return adapter.webhook_reference(headers, body, secret, time.time())
        except (ForgedWebhook, MalformedAnswer):
            continue
    return None
