"""`/api/v1/keys`: a team looks after its keys, signed in or with a key that may manage keys."""

from typing import Any

from django.conf import settings
from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import actions, delegation, rate_limits
from accounts.errors import KeyNotFound, TooManyKeysIssued
from accounts.identity import ACCOUNT_HEADER, KEYS_SCOPE, Caller, caller_of, require_role
from accounts.json_body import read_json_object
from accounts.key_bodies import (
    ChangeBody,
    ErrorBody,
    IssueBody,
    IssuedKeyBody,
    KeyBody,
    KeyPage,
    PageQuery,
    RotateBody,
    StrictSerializer,
)
from accounts.models import ApiKey, Membership
from accounts.public_ids import is_key_id
from aio_platform.errors import InvalidRequest

ISSUING_ROLES = (Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.DEVELOPER)
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
        caller = caller_of(request)
        query = _checked(PageQuery, request.query_params.dict())
        keys = _keys_of(caller).order_by("-id")
        if query["after"] is not None:
            keys = keys.filter(id__lt=_cursor(caller, query["after"]))
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
        caller = caller_of(request)
        _check_may_manage(caller)
        wanted = _checked(IssueBody, read_json_object(request))
        scopes = wanted["scopes"] or {}
        terms = delegation.KeyTerms(
            endpoints=scopes.get("endpoints"),
            models=scopes.get("models"),
            networks=scopes.get("networks"),
            expires_at=wanted["expires_at"],
            cap_day_microcredits=wanted["cap_day"],
            cap_month_microcredits=wanted["cap_month"],
            may_manage_keys=wanted["may_manage_keys"],
        )
        if caller.api_key is not None:
            delegation.check_within(delegation.terms_of(caller.api_key), terms)
        _count_issued_key(caller)
        api_key, key_text = actions.issue_key(
            caller.account,
            wanted["name"],
            endpoints=terms.endpoints,
            models=terms.models,
            networks=terms.networks,
            expires_at=terms.expires_at,
            cap_day_microcredits=terms.cap_day_microcredits,
            cap_month_microcredits=terms.cap_month_microcredits,
            may_manage_keys=terms.may_manage_keys,
            created_by=caller.user,
        )
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
        return Response(KeyBody(_key(caller_of(request), key_id)).data)

    @extend_schema(
        operation_id="change_key",
        tags=["keys"],
        parameters=[_ACCOUNT],
        request=ChangeBody,
        responses={200: KeyBody, 413: ErrorBody, **_REFUSALS_OF_CHANGE},
    )
    def patch(self, request: Request, key_id: str) -> Response:
        """Rename a key, or change its caps and expiry: all of what is asked for, or nothing."""
        caller = caller_of(request)
        _check_may_manage(caller)
        api_key = _key(caller, key_id)
        wanted = _checked(ChangeBody, read_json_object(request))
        name = wanted.pop("name", None)
        if caller.api_key is not None:
            delegation.check_limits_within(delegation.terms_of(caller.api_key), **wanted)
        with transaction.atomic():
            if wanted:
                api_key = actions.change_limits(
                    api_key,
                    cap_day_microcredits=wanted.get("cap_day", actions.UNCHANGED),
                    cap_month_microcredits=wanted.get("cap_month", actions.UNCHANGED),
                    expires_at=wanted.get("expires_at", actions.UNCHANGED),
                )
            if name is not None:
                api_key = actions.rename_key(api_key, name)
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
        caller = caller_of(request)
        _check_may_manage(caller)
        return Response(KeyBody(actions.revoke_key(_key(caller, key_id))).data)


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
        caller = caller_of(request)
        _check_may_manage(caller)
        api_key = _key(caller, key_id)
        wanted = _checked(RotateBody, read_json_object(request))
        if caller.api_key is not None:
            delegation.check_within(delegation.terms_of(caller.api_key), delegation.terms_of(api_key))
        _count_issued_key(caller)
        return _issued(*actions.rotate_key(api_key, wanted["overlap_s"], created_by=caller.user))


def _check_may_manage(caller: Caller) -> None:
    """A key was checked by its scope already; a member needs one of the issuing roles."""
    if caller.api_key is None:
        require_role(caller, *ISSUING_ROLES)


def _checked(body: type[StrictSerializer], data: dict[str, Any]) -> dict[str, Any]:
    serializer = body(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _keys_of(caller: Caller) -> Any:
    return ApiKey.objects.filter(account=caller.account).select_related("account", "replaces")


def _key(caller: Caller, key_id: str) -> ApiKey:
    found = _keys_of(caller).filter(public_id=key_id).first() if is_key_id(key_id) else None
    if found is None:
        raise KeyNotFound
    return found


def _cursor(caller: Caller, after: str) -> int:
    try:
        return _key(caller, after).pk
    except KeyNotFound:
        raise InvalidRequest("That is not the `next` of a page.", param="after") from None


def _count_issued_key(caller: Caller) -> None:
    """By member, and for keys by account: a key that makes keys would otherwise multiply its own limit."""
    issuer = f"user:{caller.user.pk}" if caller.user is not None else f"account:{caller.account.pk}"
    window = rate_limits.count("key-issue", issuer, settings.KEYS_ISSUED_PER_MEMBER)
    if window.is_exceeded:
        raise TooManyKeysIssued(retry_after_s=window.ends_in_s)


def _issued(api_key: ApiKey, key_text: str) -> Response:
    # Not an attribute of the model, so that nothing which holds the model can show it.
    body = {**KeyBody(api_key).data, "key": key_text}
    return Response(body, status=201, headers={"Cache-Control": "no-store"})
