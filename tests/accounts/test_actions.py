import pytest

from accounts import actions, errors, invitations
from accounts.audit import OPERATOR
from accounts.models import Account, Membership, User
from aio_platform.errors import InvalidRequest
from tests.accounts.memberships import add_member
from tests.accounts.threads import in_threads


def test_an_account_starts_active_with_its_plan_and_owner(account: Account) -> None:
    stored = Account.objects.get(pk=account.pk)
    assert (stored.status, stored.plan_id) == ("active", "standard")
    assert stored.created_at is not None
    membership = stored.memberships.get()
    assert (membership.role, membership.user.email) == ("owner", "owner@lab.test")
    assert not membership.user.has_usable_password()


def test_an_owner_with_several_accounts_is_one_person(account: Account) -> None:
    actions.create_account("Second", "trial", " Owner@Lab.test ")
    assert User.objects.get().memberships.count() == 2


@pytest.mark.parametrize(
    ("name", "plan", "email", "param"),
    [
        ("", "standard", None, "name"),
        ("acct_x", "standard", None, "name"),
        ("fine", "gold", None, "plan"),
        ("fine", "standard", "not an address", "email"),
        ("fine", "standard", "a\x00@b.test", "email"),
    ],
)
def test_a_bad_account_leaves_nothing_behind(
    db: None, name: str, plan: str, email: str | None, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        actions.create_account(name, plan, email)
    assert refusal.value.param == param
    assert not Account.objects.exists()
    assert not User.objects.exists()


def test_two_accounts_never_share_a_name(account: Account) -> None:
    with pytest.raises(errors.NameTaken):
        actions.create_account("Ada's lab", "standard")


def test_a_plan_is_set_by_its_slug(account: Account) -> None:
    actions.set_plan(account, "scale")
    assert Account.objects.get(pk=account.pk).plan_id == "scale"
    with pytest.raises(InvalidRequest, match="the plans are scale, standard, trial, unlimited"):
        actions.set_plan(account, "gold")


def test_a_person_is_a_member_of_an_account_once(account: Account) -> None:
    owner = account.memberships.get().user
    add_member(account, "dev@lab.test", "developer")
    with pytest.raises(errors.AlreadyAMember):
        invitations.invite(account, "DEV@lab.test", "viewer", owner, OPERATOR)
    with pytest.raises(InvalidRequest) as refusal:
        invitations.invite(account, "new@lab.test", "king", owner, OPERATOR)
    assert refusal.value.param == "role"


def test_the_last_owner_stays(account: Account) -> None:
    only = account.memberships.get()
    for leave in (lambda: actions.remove_member(only), lambda: actions.change_role(only, "admin")):
        with pytest.raises(errors.LastOwner):
            leave()
    second = add_member(account, "second@lab.test", "admin")
    actions.change_role(second, "owner")
    actions.change_role(only, "viewer")
    actions.remove_member(only)
    assert account.memberships.get().user.email == "second@lab.test"
    with pytest.raises(errors.MembershipNotFound):
        actions.change_role(only, "owner")


def test_owners_that_leave_at_once_leave_one_behind(committing: None) -> None:
    account = actions.create_account("Exodus", "standard", "0@exodus.test")
    for number in range(1, 4):
        add_member(account, f"{number}@exodus.test", "owner")
    memberships = list(Membership.objects.all())

    def leave() -> str:
        try:
            actions.remove_member(memberships.pop())
        except errors.LastOwner:
            return "stays"
        return "left"

    assert sorted(in_threads(4, leave)) == ["left", "left", "left", "stays"]
    assert account.memberships.get().role == "owner"
