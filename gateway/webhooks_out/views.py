"""`/api/v1/callbacks`: an account's signing secret, its endpoint, and what became of every event."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.models import Membership
from accounts.principal import ACCOUNT_HEADER, principal_of, require_role
from aio_platform.errors import InvalidRequest
from aio_platform.http.json_body import read_json_object
from aio_platform.http.output_formats import OneFormat
from aio_platform.http.query_parameters import QueryParameters, read_limit
from aio_platform.http.serializers import ErrorBody, validated
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.timestamps import utc_text
from gateway.webhooks_out import deliveries, endpoints, service, signing_secrets
from gateway.webhooks_out.bodies import (
    DeliveryPage,
    DeliveryWithAttemptsBody,
    EndpointBody,
    RotateSecretBody,
    SecretBody,
    SetEndpointBody,
)
from gateway.webhooks_out.deliveries import AFTER, STATES, DeliveryFilter
from gateway.webhooks_out.endpoints import Endpoint
from gateway.webhooks_out.signing_secrets import AccountSecrets

ROLES = (Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.DEVELOPER)
_ACCOUNT = OpenApiParameter(
    ACCOUNT_HEADER, location="header", description="Which of a signed-in member's accounts, as in acct_…"
)
_FILTERS = ("status", "task", "since", "until", "limit", AFTER)
_PAGE_PARAMETERS = [
    _ACCOUNT,
    OpenApiParameter("status", str, enum=STATES),
    OpenApiParameter("task", str, description="a task's id"),
    OpenApiParameter("since", OpenApiTypes.DATETIME, description="events of that moment or later"),
    OpenApiParameter("until", OpenApiTypes.DATETIME, description="events before that moment"),
    OpenApiParameter("limit", int, description="1 to 200 rows, 50 when not given"),
    OpenApiParameter(AFTER, str, description="`next` of the page before"),
]
_REFUSALS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 429), ErrorBody)


class CallbackView(APIView):
    """What these views share: keys need the scope, members a role that may see secrets; nothing is cached."""

    endpoint_scope = "callbacks"
    content_negotiation_class = OneFormat

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        principal = principal_of(request)
        if principal.api_key is None:
            require_role(principal, *ROLES)

    def account_id(self, request: Request) -> int:
        return principal_of(request).account.pk

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Secrets, and URLs that may carry some, are kept by no cache."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        return answer


class SecretView(CallbackView):
    @extend_schema(
        operation_id="get_callback_secret",
        tags=["callbacks"],
        parameters=[_ACCOUNT],
        responses={200: SecretBody, 409: ErrorBody, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """The secret that events are signed with."""
        return Response(_describe_secrets(signing_secrets.secrets_of(self.account_id(request))))

    @extend_schema(
        operation_id="rotate_callback_secret",
        tags=["callbacks"],
        parameters=[_ACCOUNT],
        request=RotateSecretBody,
        responses={201: SecretBody, 409: ErrorBody, 413: ErrorBody, **_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Make a new secret; the old one's signature is sent beside it for a day, or `overlap_s` seconds."""
        wanted = validated(RotateSecretBody, read_json_object(request))
        principal = principal_of(request)
        rotated = service.rotate_secret(
            audit.actor_of(request, principal), principal.account, wanted["overlap_s"]
        )
        return Response(_describe_secrets(rotated), status=201)


class EndpointView(CallbackView):
    @extend_schema(
        operation_id="get_callback_endpoint",
        tags=["callbacks"],
        parameters=[_ACCOUNT],
        responses={200: EndpointBody, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Where every task's end is told; `url` is null where nowhere."""
        return Response(_describe_endpoint(endpoints.endpoint_of(self.account_id(request))))

    @extend_schema(
        operation_id="set_callback_endpoint",
        tags=["callbacks"],
        parameters=[_ACCOUNT],
        request=SetEndpointBody,
        responses={200: EndpointBody, 413: ErrorBody, **_REFUSALS},
    )
    def put(self, request: Request) -> Response:
        """Tell this URL of every task's end, and of what still waits; enables it again after a 410."""
        wanted = validated(SetEndpointBody, read_json_object(request))
        principal = principal_of(request)
        endpoint = service.set_endpoint(audit.actor_of(request, principal), principal.account, wanted["url"])
        return Response(_describe_endpoint(endpoint))

    @extend_schema(
        operation_id="remove_callback_endpoint",
        tags=["callbacks"],
        parameters=[_ACCOUNT],
        request=None,
        responses={200: EndpointBody, **_REFUSALS},
    )
    def delete(self, request: Request) -> Response:
        """Tell it of nothing more; tasks' own callback_url are told as before."""
        principal = principal_of(request)
        service.set_endpoint(audit.actor_of(request, principal), principal.account, None)
        return Response(_describe_endpoint(None))


class DeliveriesView(CallbackView):
    @extend_schema(
        operation_id="list_callback_deliveries",
        tags=["callbacks"],
        parameters=_PAGE_PARAMETERS,
        responses={200: DeliveryPage, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Events and where they stand, newest first."""
        parameters = QueryParameters(request, _FILTERS)
        since, until = parameters.timestamp("since"), parameters.timestamp("until")
        if since is not None and until is not None and since >= until:
            raise InvalidRequest(_("since is before until."), param="since")
        cursor = parameters.text(AFTER)
        page = deliveries.delivery_page(
            self.account_id(request),
            DeliveryFilter(
                limit=read_limit(parameters),
                state=parameters.choice("status", STATES),
                task_id=parameters.text("task"),
                since=since,
                until=until,
                after=None if cursor is None else deliveries.place_of(cursor),
            ),
        )
        return Response(
            {
                "object": "list",
                "as_of": utc_text(page.as_of),
                "data": page.deliveries,
                "has_more": page.next is not None,
                "next": page.next,
            }
        )


class DeliveryView(CallbackView):
    @extend_schema(
        operation_id="get_callback_delivery",
        tags=["callbacks"],
        parameters=[_ACCOUNT],
        responses={200: DeliveryWithAttemptsBody, 404: ErrorBody, **_REFUSALS},
    )
    def get(self, request: Request, delivery_id: str) -> Response:
        """One delivery with every attempt."""
        return Response(deliveries.find_delivery(self.account_id(request), delivery_id))


class ResendView(CallbackView):
    @extend_schema(
        operation_id="resend_callback_delivery",
        tags=["callbacks"],
        parameters=[_ACCOUNT],
        request=None,
        responses={202: DeliveryWithAttemptsBody, 404: ErrorBody, **_REFUSALS},
    )
    def post(self, request: Request, delivery_id: str) -> Response:
        """Send the event again now, under its own id, whatever came of it before."""
        return Response(deliveries.resend(self.account_id(request), delivery_id), status=202)


def _describe_secrets(secrets: AccountSecrets) -> dict[str, Any]:
    return {
        "object": "callback_secret",
        "secret": secrets.secret,
        "created_at": utc_text(secrets.created_at),
        "previous_end_at": [utc_text(moment) for moment in secrets.ending_at],
    }


def _describe_endpoint(endpoint: Endpoint | None) -> dict[str, Any]:
    return {
        "object": "callback_endpoint",
        "url": endpoint and endpoint.url,
        "is_enabled": endpoint is not None and endpoint.disabled_at is None,
        "updated_at": endpoint and utc_text(endpoint.updated_at),
        "disabled_at": endpoint and endpoint.disabled_at and utc_text(endpoint.disabled_at),
        "disabled_reason": endpoint and endpoint.disabled_reason,
    }
