"""Who calls: the authentication and permission of ordinary (synchronous) REST framework views.

Gateway views don't pass here; the ledger checks their key in the statement that takes their credits.
"""

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import errors
from accounts.keys.format import bearer_key, digest_of
from accounts.keys.guessing import refusal_for_failed_key
from accounts.models import Account, ApiKey, Membership, User
from accounts.principal import ACCOUNT_HEADER, Principal, check_endpoint_scope, is_address_within
from accounts.public_ids import is_account_id
from accounts.view_as import SAFE_METHODS, ReadsOnly, is_viewing_as
from aio_platform.http.request_context import client_address
from aio_platform.i18n.translatable import gettext_noop as _


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer aio_…`. Without that header the next class gets its turn."""

    def authenticate(self, request: Request) -> tuple[None, Principal] | None:
        """The caller a live key stands for; None without an Authorization header.

        Raises MissingKey, MalformedKey, UnknownKey, RevokedKey or ExpiredKey (401), TooManyKeyGuesses (429),
        AccountSuspended or AddressNotAllowed (403), and AccountNotFound (404) where X-Account names another.
        """
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        address = client_address(request._request)
        try:
            api_key = _live_key(bearer_key(header))
        except (errors.MalformedKey, errors.UnknownKey) as refusal:
            raise refusal_for_failed_key(address, refusal) from None
        if api_key.account.status != Account.Status.ACTIVE:
            raise errors.AccountSuspended
        if not is_address_within(address, api_key.allowed_networks):
            raise errors.AddressNotAllowed
        named = request.headers.get(ACCOUNT_HEADER)
        if named is not None and named != api_key.account.public_id:
            raise _foreign_account()
        return None, Principal(account=api_key.account, api_key=api_key)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class MemberSessionAuthentication(SessionAuthentication):
    """A signed-in person, with CSRF enforced where they change something.

    X-Account names the account; without it, it is the one they joined first.
    """

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        """The signed-in member; None when nobody is signed in.

        Raises REST framework's PermissionDenied (403) without a CSRF token, NotAMember (403), and
        AccountNotFound (404) for an account that is not theirs.
        """
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        user: Any = signed_in[0]
        if request.method not in SAFE_METHODS and is_viewing_as(request._request):
            raise ReadsOnly
        memberships = Membership.objects.filter(user=user).select_related("account").order_by("id")
        named = request.headers.get(ACCOUNT_HEADER)
        if named is None:
            membership = memberships.first()
            if membership is None:
                raise errors.NotAMember
        else:
            found = memberships.filter(account__public_id=named).first() if is_account_id(named) else None
            if found is None:
                raise _foreign_account()
            membership = found
        return user, Principal(account=membership.account, user=user, role=membership.role)


class BelongsToAccount(BasePermission):
    """Lets in members and keys, keys only within their scope.

    A view names its scope in `endpoint_scope`, as in "usage". The scope "keys" takes a key that may manage
    keys, whatever its endpoints. A view that names none is closed to keys.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or MissingKey (401), EndpointNotAllowed or KeysNotManageable (403) raised."""
        if not isinstance(request.auth, Principal):
            raise errors.MissingKey
        if request.auth.api_key is not None:
            check_endpoint_scope(request.auth.api_key, getattr(view, "endpoint_scope", ""))
        return True


def _live_key(key_text: str) -> ApiKey:
    api_key = ApiKey.objects.select_related("account").filter(digest=digest_of(key_text)).first()
    if api_key is None:
        raise errors.UnknownKey
    if api_key.revoked_at is not None:
        raise errors.RevokedKey
    if not api_key.is_live(timezone.now()):
        raise errors.ExpiredKey
    return api_key


def _foreign_account() -> errors.AccountNotFound:
    return errors.AccountNotFound(_("There is no such account."), param=ACCOUNT_HEADER)
