"""What the OpenAPI document says of every operation alike: who may call it, that its body is needed, its group.

drf-spectacular asks a view's authentication classes, and a gateway view has none: its key is checked by the
statement that holds the credits.
"""

from typing import Any

from drf_spectacular.openapi import AutoSchema

from aio_platform.http.async_api import AsyncAPIView
from gateway.endpoints import TASK_ENDPOINT_NAMES

API_KEY: dict[str, list[str]] = {"apiKey": []}
MEMBER_SESSION: dict[str, list[str]] = {"memberSession": []}
# Client generators make a class of each group. The first prefix that fits wins.
API_IN_ONE, OMAKASE, OPENAI, GEMINI = "API in One", "Omakase", "OpenAI", "Gemini"
GROUP_BY_PREFIX = (
    ("/api/v1/", API_IN_ONE),
    ("/api/", OMAKASE),
    ("/llm/", OMAKASE),
    ("/v1/", OPENAI),
    ("/v1beta/", GEMINI),
)


def group_of(path: str) -> str | None:
    """The name of the mount that an address lies in; None for one outside of them all."""
    return next((group for prefix, group in GROUP_BY_PREFIX if path.startswith(prefix)), None)


class OperationSchema(AutoSchema):
    """drf-spectacular's schema of a view, with what it cannot see in a gateway view."""

    def get_auth(self) -> list[dict[str, Any]]:
        if not isinstance(self.view, AsyncAPIView):
            return super().get_auth()
        session = [MEMBER_SESSION] if getattr(self.view, "session_allowed", False) else []
        return [API_KEY, *session]

    def get_tags(self) -> list[str]:
        group = group_of(self.path)
        return super().get_tags() if group is None else [group]

    def get_operation_id(self) -> str:
        """For a view that serves several addresses, and so can't say one: from its endpoint, or its own name."""
        endpoint = getattr(self.view, "endpoint", "")
        if endpoint in TASK_ENDPOINT_NAMES:
            return f"create_{endpoint.removesuffix('_task')}_task"
        name: str = getattr(self.view, "operation_name", "")
        if not name:
            return super().get_operation_id()
        return f"openai_{name}" if self.path.startswith("/v1/") else name

    def _get_request_body(self, direction: str = "request") -> dict[str, Any] | None:
        body: dict[str, Any] | None = super()._get_request_body(direction)
        if body is not None and (isinstance(self.view, AsyncAPIView) or self.method == "PATCH"):
            body["required"] = True
        return body
