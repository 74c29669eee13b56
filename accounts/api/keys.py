"""`/api/v1/keys`: a team looks after its keys, signed in or with a key that may manage keys."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import actor_of
from accounts.errors import KeyNotFound
from accounts.keys import service
from accounts.keys.serializers import (
    ChangeBody,
    IssueBody,
    IssuedKeyBody,
    KeyBody,
    KeyPage,
    PageQuery,
    RotateBody,
)
from accounts.models import ApiKey
from accounts.principal import ACCOUNT_HEADER, KEYS_SCOPE, Principal, principal_of
from aio_platform.errors import InvalidRequest
from aio_platform.http.json_body import read_json_object
from aio_platform.http.serializers import ErrorBody, validated
from aio_platform.i18n.translatable import gettext_noop as _

_ACCOUNT = OpenApiParameter(
    ACCOUNT_HEADER, location="header", description="Which of a signed-in member's accounts, as in acct_…"
)
_REFUSALS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 429), ErrorBody)
_REFUSALS_OF_ONE: dict[Any, Any] = _REFUSALS | {404: ErrorBody}
_REFUSALS_OF_CHANGE: dict[Any, Any] = _REFUSALS_OF_ONE | {409: ErrorBody}


class KeysView(APIView):
    """The account's keys."""

    endpoint_scope = KEYS_SCOPE

    @extend_schema(
        operation_id="list_keys",
        tags=["keys"],
        parameters=[_ACCOUNT, PageQuery],
        responses={200: KeyPage, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """A page of the account's keys, newest first, ended ones included."""
        principal = principal_of(request)
        query = validated(PageQuery, request.query_params.dict())
        keys = service.keys_of(principal).order_by("-id")
        if query["after"] is not None:
            keys = keys.filter(id__lt=_cursor(principal, query["after"]))
        # One more than asked for tells whether there is a next page, without counting.
        found = list(keys[: query["limit"] + 1])
        page, has_more = found[: query["limit"]], len(found) > query["limit"]
        return Response(
            {
                "object": "list",
                "data": [KeyBody(api_key).data for api_key in page],
                "has_more": has_more,
                "next": page[-1].public_id if has_more else None,
            }
        )

    @extend_schema(
        operation_id="issue_key",
        tags=["keys"],
        parameters=[_ACCOUNT],
        request=IssueBody,
        responses={201: IssuedKeyBody, 413: ErrorBody, **_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Issue a key. `key` is its text, shown this once."""
        principal = principal_of(request)
        # Asked again by the service; here so that a role is refused before a body is read.
        service.check_may_manage(principal)
        wanted = validated(IssueBody, read_json_object(request))
        api_key, key_text = service.issue(principal, actor_of(request._request, principal), wanted)
        return _issued(api_key, key_text)


class KeyView(APIView):
    """One of the account's keys."""

    endpoint_scope = KEYS_SCOPE

    @extend_schema(
        operation_id="get_key",
        tags=["keys"],
        parameters=[_ACCOUNT],
        responses={200: KeyBody, **_REFUSALS_OF_ONE},
    )
    def get(self, request: Request, key_id: str) -> Response:
        """One key, live or ended."""
        return Response(KeyBody(service.find(principal_of(request), key_id)).data)

    @extend_schema(
        operation_id="change_key",
        tags=["keys"],
        parameters=[_ACCOUNT],
        request=ChangeBody,
        responses={200: KeyBody, 413: ErrorBody, **_REFUSALS_OF_CHANGE},
    )
    def patch(self, request: Request, key_id: str) -> Response:
        """Rename a key, or change its caps and expiry: all of what is asked for, or nothing."""
        principal = principal_of(request)
        service.check_may_manage(principal)
        api_key = service.find(principal, key_id)
        wanted = validated(ChangeBody, read_json_object(request))
        api_key = service.change(principal, actor_of(request._request, principal), api_key, wanted)
        return Response(KeyBody(api_key).data)

    @extend_schema(
        operation_id="revoke_key",
        tags=["keys"],
        parameters=[_ACCOUNT],
        request=None,
        responses={200: KeyBody, **_REFUSALS_OF_ONE},
    )
    def delete(self, request: Request, key_id: str) -> Response:
        """Revoke a key for good: calls that start after this answer are refused. Repeatable."""
        principal = principal_of(request)
        service.check_may_manage(principal)
        api_key = service.find(principal, key_id)
        return Response(
            KeyBody(service.revoke(principal, actor_of(request._request, principal), api_key)).data
        )


class KeyRotationView(APIView):
    endpoint_scope = KEYS_SCOPE

    @extend_schema(
        operation_id="rotate_key",
        tags=["keys"],
        parameters=[_ACCOUNT],
        request=RotateBody,
        responses={201: IssuedKeyBody, 413: ErrorBody, **_REFUSALS_OF_CHANGE},
    )
    def post(self, request: Request, key_id: str) -> Response:
        """Issue a successor under the same terms; the old key works `overlap_s` seconds longer."""
        principal = principal_of(request)
        service.check_may_manage(principal)
        api_key = service.find(principal, key_id)
        wanted = validated(RotateBody, read_json_object(request))
        return _issued(
            *service.rotate(principal, actor_of(request._request, principal), api_key, wanted["overlap_s"])
        )


def _cursor(principal: Principal, after: str) -> int:
    try:
        return service.find(principal, after).pk
    except KeyNotFound:
        raise InvalidRequest(_("That is not the `next` of a page."), param="after") from None


def _issued(api_key: ApiKey, key_text: str) -> Response:
    # Not an attribute of the model, so that nothing which holds the model can show it.
    body = {**KeyBody(api_key).data, "key": key_text}
    return Response(body, status=201, headers={"Cache-Control": "no-store"})
