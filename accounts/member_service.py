"""What members ask about members and their account: may they, and who did it, written down."""

from accounts import actions, audit
from accounts.errors import MembershipNotFound, OwnersOnly, RoleNotAllowed
from accounts.models import Account, Membership
from accounts.page_context import MANAGERS, Member

MAX_MEMBER_ID = 2**63 - 1


def members_of(account: Account) -> list[Membership]:
    """The account's people, first who joined first."""
    return list(Membership.objects.filter(account=account).select_related("user").order_by("id"))


def find(account: Account, user_id: int) -> Membership:
    """The account's member of that id; MembershipNotFound for another account's as for none."""
    found = None
    if user_id <= MAX_MEMBER_ID:
        found = (
            Membership.objects.filter(account=account, user_id=user_id)
            .select_related("user", "account")
            .first()
        )
    if found is None:
        raise MembershipNotFound
    return found


def check_may_give(by: Member, role: str) -> None:
    """Raise OwnersOnly where somebody else than an owner would make an owner."""
    if role == Membership.Role.OWNER and by.role != Membership.Role.OWNER:
        raise OwnersOnly


def change_role(by: Member, actor: audit.Actor, membership: Membership, role: str) -> Membership:
    """Give a member another role. Raises OwnersOnly, and what `actions.change_role` does."""
    check_may_give(by, role)

    def written(before: Membership) -> None:
        _check_may_touch(by, before)
        if before.role != role:
            audit.record(
                actor,
                "member.role",
                audit.member_target(membership),
                account=by.account,
                before={"role": before.role},
                after={"role": role},
            )

    return actions.change_role(membership, role, also=written)


def remove(by: Member, actor: audit.Actor, membership: Membership) -> None:
    """End one's own membership, or as owner or admin another's.

    Raises RoleNotAllowed, OwnersOnly, and what `actions.remove_member` does.
    """
    is_own = membership.user_id == by.user.pk
    if not is_own and not by.is_manager:
        raise RoleNotAllowed(*MANAGERS)

    def written(before: Membership) -> None:
        if not is_own:
            _check_may_touch(by, before)
        audit.record(
            actor,
            "member.leave" if is_own else "member.remove",
            audit.member_target(membership),
            account=by.account,
            before={"role": before.role},
        )

    actions.remove_member(membership, also=written)


def rename_account(by: Member, actor: audit.Actor, name: str) -> Account:
    """Give the account another name. Raises what `actions.rename_account` does."""
    before = by.account.name

    def written() -> None:
        audit.record(
            actor,
            "account.rename",
            audit.account_target(by.account),
            account=by.account,
            before={"name": before},
            after={"name": name.strip()},
        )

    return actions.rename_account(by.account, name, also=written)


def _check_may_touch(by: Member, membership: Membership) -> None:
    if membership.role == Membership.Role.OWNER and by.role != Membership.Role.OWNER:
        raise OwnersOnly
