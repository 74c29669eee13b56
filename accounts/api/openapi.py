"""How callers prove who they are, for the OpenAPI schema. Registered by being imported, in `apps.ready`."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "aio_…",
            "description": "An API key of the account.",
        }


class MemberSessionScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.authentication.MemberSessionAuthentication"
    name = "memberSession"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A signed-in member; requests that change something carry X-CSRFToken too.",
        }
