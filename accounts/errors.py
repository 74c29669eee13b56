"""What accounts refuses, and the words for it.

About a key the caller learns one of four things: it is missing, invalid, revoked or expired. Whether an
invalid one is misspelt or merely unknown is nobody's business.
"""

from aio_platform.errors import (
    AuthenticationRequired,
    InvalidRequest,
    NotFound,
    PermissionRefused,
    TooManyRequests,
)
from aio_platform.i18n.translatable import gettext_noop as _


class MissingKey(AuthenticationRequired):
    """No key was given, nor a session."""

    code = "missing_key"
    template = _("The API key is missing. Send it as 'Authorization: Bearer aio_…'.")


class MalformedKey(AuthenticationRequired):
    """Not a key's form, or its checksum does not match: known without asking the database."""

    code = "malformed_key"
    template = _("The API key is invalid.")


class UnknownKey(AuthenticationRequired):
    """The right form, but we never issued it. Says the same as MalformedKey."""

    code = "unknown_key"
    template = _("The API key is invalid.")


class RevokedKey(AuthenticationRequired):
    code = "revoked_key"
    template = _("The API key is revoked.")


class ExpiredKey(AuthenticationRequired):
    code = "expired_key"
    template = _("The API key is expired.")


class AccountSuspended(PermissionRefused):
    code = "account_suspended"
    openai_code = "account_deactivated"
    template = _("The account is suspended.")


class NotAMember(PermissionRefused):
    """Signed in, but belonging to no account."""

    code = "not_a_member"
    template = _("You are not a member of any account.")


class EndpointNotAllowed(PermissionRefused):
    code = "endpoint_not_allowed"

    def __init__(self, endpoint: str = "") -> None:
        super().__init__(
            _("The API key's scope does not include the endpoint %(endpoint)s.")
            if endpoint
            else _("The API key's scope does not include this endpoint."),
            endpoint=endpoint,
        )


class ModelNotAllowed(PermissionRefused):
    code = "model_not_allowed"
    openai_code = "model_not_found"  # what OpenAI says of a model that a project has no access to

    def __init__(self, model: str = "") -> None:
        super().__init__(
            _("The API key's scope does not include the model %(model)s.")
            if model
            else _("The API key's scope does not include this model."),
            param="model",
            model=model,
        )


class AddressNotAllowed(PermissionRefused):
    code = "address_not_allowed"
    template = _("The API key's scope does not include the address you call from.")


class KeysNotManageable(PermissionRefused):
    """The key may not manage keys."""

    code = "keys_not_manageable"
    template = _("The API key may not manage keys; use one issued with may_manage_keys, or sign in.")


class RoleNotAllowed(PermissionRefused):
    """The caller's role is none of those named."""

    code = "role_not_allowed"

    def __init__(self, *roles: str) -> None:
        super().__init__(
            _("This takes the role of %(roles)s.") if roles else _("Your role may not."),
            roles=" or ".join(roles),
        )


class BeyondOwnKey(PermissionRefused):
    """A key tried to hand out more than it holds; `param` names what."""

    code = "beyond_own_key"


class TooManyKeyGuesses(TooManyRequests):
    """Too many invalid keys from one address. Trying the same again cannot help, so clients should not."""

    code = "too_many_key_guesses"
    template = _("Too many invalid API keys came from your address.")

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s, headers={"x-should-retry": "false"})


class TooManyKeysIssued(TooManyRequests):
    code = "too_many_keys_issued"
    template = _("Too many API keys were issued in a short time.")

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s)


class AccountNotFound(NotFound):
    code = "account_not_found"


class KeyNotFound(NotFound):
    """No such key in the caller's account; another account's key is not found either."""

    code = "key_not_found"
    template = _("There is no such API key.")


class MembershipNotFound(NotFound):
    code = "membership_not_found"
    template = _("There is no such member.")


class InvitationNotFound(NotFound):
    code = "invitation_not_found"
    template = _("There is no such invitation.")


class InvitationForAnother(PermissionRefused):
    """The person who is signed in has another address than the invited one."""

    code = "invitation_for_another"
    template = _("This invitation is for another e-mail address.")


class AmbiguousPrefix(InvalidRequest):
    """Several keys share a prefix; the message lists their ids."""

    code = "ambiguous_prefix"
    template = _("Several keys have the prefix %(prefix)s; name one by id: %(key_ids)s.")

    def __init__(self, prefix: str, key_ids: list[str]) -> None:
        super().__init__(prefix=prefix, key_ids=", ".join(key_ids))


class Conflict(InvalidRequest):
    """Well written, but not possible as things stand."""

    code = "conflict"
    status = 409


class NameTaken(Conflict):
    code = "name_taken"
    template = _("There is an account named %(name)s already.")

    def __init__(self, name: str) -> None:
        super().__init__(param="name", name=repr(name))


class AddressNotProven(Conflict):
    """Somebody signed up with the address and did not prove it: nothing is given to them for it."""

    code = "address_not_proven"
    template = _(
        "Somebody signed up as %(email)s and has not proven the address, so they may be anybody. "
        "They prove it, or you end their access (--take-over)."
    )

    def __init__(self, email: str) -> None:
        super().__init__(email=email, param="email")


class KeyNotLive(Conflict):
    code = "key_not_live"
    template = _("The API key is revoked or expired, which is final; issue a new one.")


class KeyAlreadyReplaced(Conflict):
    code = "key_already_replaced"
    template = _("The API key was rotated already; rotate its successor %(successor_id)s instead.")

    def __init__(self, successor_id: str) -> None:
        super().__init__(successor_id=successor_id)


class AlreadyAMember(Conflict):
    code = "already_a_member"
    template = _("%(email)s is a member of the account already.")

    def __init__(self, email: str) -> None:
        super().__init__(email=email, param="email")


class LastOwner(Conflict):
    code = "last_owner"
    template = _("An account keeps at least one owner; make somebody else owner first.")


class AlreadyInvited(Conflict):
    code = "already_invited"
    template = _("%(email)s is invited already; send the invitation again instead.")

    def __init__(self, email: str) -> None:
        super().__init__(email=email, param="email")


class InvitationEnded(Conflict):
    code = "invitation_ended"
    template = _("The invitation was accepted, withdrawn, or is past its time.")


class TooManyInvitations(Conflict):
    code = "too_many_invitations"
    template = _("An account has at most %(limit)s open invitations.")

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit, param="email")


class OwnersOnly(PermissionRefused):
    """An admin tried to make, change or remove an owner."""

    code = "owners_only"
    template = _("Only an owner may make, change or remove owners.")

    def __init__(self) -> None:
        super().__init__(param="role")
