"""The ASGI application: gateway paths go to GatewayHandler, the rest to Django."""

import os
from contextlib import AbstractAsyncContextManager
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aio_platform.settings")

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

from aio_platform.edge.page_gate import PageGate
from aio_platform.http.cors import CrossOrigin
from aio_platform.http.handler import GatewayHandler, Receive, Scope, Send

django.setup()
_pages = PageGate(get_asgi_application())  # type: ignore[arg-type]
_gateway = GatewayHandler(settings.GATEWAY_URLCONF)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection event: HTTP, or the server's start and stop."""
    if scope["type"] == "http":
        match = _gateway.resolve(scope["path"])
        if match is not None:
            await _gateway(match, scope, receive, send)
        else:
            await _pages(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)


if settings.CORS_ORIGINS:
    application = CrossOrigin(application, settings.CORS_ORIGINS)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Open the gateway's connections before the first request and close them after the last."""
    opened: Any = import_string(settings.GATEWAY_LIFESPAN)
    context: AbstractAsyncContextManager[None] = opened()
    await receive()
    try:
        await context.__aenter__()
    except Exception as error:
        await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await context.__aexit__(None, None, None)
    await send({"type": "lifespan.shutdown.complete"})
