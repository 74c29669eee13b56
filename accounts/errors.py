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


class MissingKey(AuthenticationRequired):
    """No key was given, nor a session."""

    def __init__(self) -> None:
        super().__init__("The API key is missing. Send it as 'Authorization: Bearer aio_…'.")


class MalformedKey(AuthenticationRequired):
    """Not a key's form, or its checksum does not match: known without asking the database."""

    def __init__(self) -> None:
        super().__init__("The API key is invalid.")


class UnknownKey(AuthenticationRequired):
    """The right form, but we never issued it. Says the same as MalformedKey."""

    def __init__(self) -> None:
        super().__init__("The API key is invalid.")


class RevokedKey(AuthenticationRequired):
    def __init__(self) -> None:
        super().__init__("The API key is revoked.")


class ExpiredKey(AuthenticationRequired):
    def __init__(self) -> None:
        super().__init__("The API key is expired.")


class AccountSuspended(PermissionRefused):
    openai_code = "account_deactivated"

    def __init__(self) -> None:
        super().__init__("The account is suspended.")


class NotAMember(PermissionRefused):
    """Signed in, but belonging to no account."""

    def __init__(self) -> None:
        super().__init__("You are not a member of any account.")


class EndpointNotAllowed(PermissionRefused):
    def __init__(self, endpoint: str = "") -> None:
        super().__init__(
            f"The API key's scope does not include the endpoint {endpoint}."
            if endpoint
            else "The API key's scope does not include this endpoint."
        )


class ModelNotAllowed(PermissionRefused):
    openai_code = "model_not_found"  # what OpenAI says of a model that a project has no access to

    def __init__(self, model: str = "") -> None:
        super().__init__(
            f"The API key's scope does not include the model {model}."
            if model
            else "The API key's scope does not include this model.",
            param="model",
        )


class AddressNotAllowed(PermissionRefused):
    def __init__(self) -> None:
        super().__init__("The API key's scope does not include the address you call from.")


class KeysNotManageable(PermissionRefused):
    """The key may not manage keys."""

    def __init__(self) -> None:
        super().__init__("The API key may not manage keys; use one issued with may_manage_keys, or sign in.")


class RoleNotAllowed(PermissionRefused):
    """The caller's role is none of those named."""

    def __init__(self, *roles: str) -> None:
        super().__init__(f"This takes the role of {' or '.join(roles)}." if roles else "Your role may not.")


class BeyondOwnKey(PermissionRefused):
    """A key tried to hand out more than it holds; `param` names what."""


class TooManyKeyGuesses(TooManyRequests):
    """Too many invalid keys from one address. Trying the same again cannot help, so clients should not."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "Too many invalid API keys came from your address.",
            retry_after_s=retry_after_s,
            headers={"x-should-retry": "false"},
        )


class TooManyKeysIssued(TooManyRequests):
    def __init__(self, retry_after_s: int) -> None:
        super().__init__("Too many API keys were issued in a short time.", retry_after_s=retry_after_s)


class AccountNotFound(NotFound):
    pass


class KeyNotFound(NotFound):
    """No such key in the caller's account; another account's key is not found either."""

    def __init__(self, message: str = "There is no such API key.") -> None:
        super().__init__(message)


class MembershipNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such member.")


class InvitationNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such invitation.")


class InvitationForAnother(PermissionRefused):
    """The person who is signed in has another address than the invited one."""

    def __init__(self) -> None:
        super().__init__("This invitation is for another e-mail address.")


class AmbiguousPrefix(InvalidRequest):
    """Several keys share a prefix; the message lists their ids."""

    def __init__(self, prefix: str, key_ids: list[str]) -> None:
        super().__init__(f"Several keys have the prefix {prefix}; name one by id: {', '.join(key_ids)}.")


class Conflict(InvalidRequest):
    """Well written, but not possible as things stand."""

    status = 409


class NameTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is an account named {name!r} already.", param="name")


class AddressNotProven(Conflict):
    """Somebody signed up with the address and did not prove it: nothing is given to them for it."""

    def __init__(self, email: str) -> None:
        super().__init__(
            f"Somebody signed up as {email} and has not proven the address, so they may be anybody. "
            "They prove it, or you end their access (--take-over).",
            param="email",
        )


class KeyNotLive(Conflict):
    def __init__(self) -> None:
        super().__init__("The API key is revoked or expired, which is final; issue a new one.")


class KeyAlreadyReplaced(Conflict):
    def __init__(self, successor_id: str) -> None:
        super().__init__(f"The API key was rotated already; rotate its successor {successor_id} instead.")


class AlreadyAMember(Conflict):
    def __init__(self, email: str) -> None:
        super().__init__(f"{email} is a member of the account already.", param="email")


class LastOwner(Conflict):
    def __init__(self) -> None:
        super().__init__("An account keeps at least one owner; make somebody else owner first.")


class AlreadyInvited(Conflict):
    def __init__(self, email: str) -> None:
        super().__init__(f"{email} is invited already; send the invitation again instead.", param="email")


class InvitationEnded(Conflict):
    def __init__(self) -> None:
        super().__init__("The invitation was accepted, withdrawn, or is past its time.")


class TooManyInvitations(Conflict):
    def __init__(self, limit: int) -> None:
        super().__init__(f"An account has at most {limit} open invitations.", param="email")


class OwnersOnly(PermissionRefused):
    """An admin tried to make, change or remove an owner."""

    def __init__(self) -> None:
        super().__init__("Only an owner may make, change or remove owners.", param="role")
