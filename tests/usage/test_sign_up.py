"""Who signs up has an account with the trial's credits, once, whatever broke off half-way."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts import actions, invitations
from accounts.addresses import valid_address
from accounts.audit import OPERATOR
from accounts.models import Account, Membership, User
from aio_platform.errors import InvalidRequest
from tests.accounts.memberships import add_member
from usage.models import Balance
from usage.sign_up import account_name_stem, open_own_account

PASSWORD = "correct-horse-battery"
BONUS = 100_000_000


@pytest.fixture(autouse=True)
def fresh(db: None) -> None:
    cache.clear()


def sign_up(email: str, client: Client | None = None) -> Any:
    client = client or Client()
    return client.post("/auth/signup/", {"email": email, "password1": PASSWORD})


def sign_in(email: str, client: Client | None = None) -> Any:
    client = client or Client()
    return client.post("/auth/login/", {"login": email, "password": PASSWORD})


def account_of(email: str) -> Account:
    return Membership.objects.get(user__email=email).account


def available(account: Account) -> int:
    return Balance.objects.get(account_id=account.pk).available_microcredits


def test_signing_up_opens_an_account_on_trial_with_its_credits() -> None:
    assert sign_up("ada@lab.test").status_code == 302
    membership = Membership.objects.get(user__email="ada@lab.test")
    assert (membership.role, membership.account.name, membership.account.plan_id) == ("owner", "ada", "trial")
    assert available(membership.account) == BONUS


def test_a_name_that_is_taken_gets_a_number() -> None:
    for email in ("ada@one.test", "ada@two.test", "ada@three.test"):
        sign_up(email)
    assert [account_of(f"ada@{domain}.test").name for domain in ("one", "two", "three")] == [
        "ada",
        "ada-2",
        "ada-3",
    ]


@pytest.mark.parametrize(
    ("email", "stem"),
    [
        ("ada@lab.test", "ada"),
        ("Ada.Lovelace+x@lab.test", "Ada.Lovelace+x"),
        ("acct_0000@lab.test", "team"),
        ("'\"@lab.test", "team"),
        ("a" * 64 + "@lab.test", "a" * 60),
    ],
)
def test_an_account_is_called_after_its_owners_address(email: str, stem: str) -> None:
    assert account_name_stem(email) == stem


def test_an_account_that_sign_up_could_not_open_is_opened_at_the_next_sign_in() -> None:
    user = User.objects.create_user("ada@lab.test", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    sign_in("ada@lab.test")
    assert available(account_of("ada@lab.test")) == BONUS


def test_the_trials_credits_are_given_once_to_a_person() -> None:
    sign_up("ada@lab.test")
    first = account_of("ada@lab.test")
    add_member(first, "bob@lab.test", "owner")
    actions.remove_member(Membership.objects.get(account=first, user__email="ada@lab.test"))
    sign_in("ada@lab.test")
    second = account_of("ada@lab.test")
    assert second != first
    assert available(second) == 0


def test_who_has_an_account_is_opened_no_other() -> None:
    sign_up("ada@lab.test")
    sign_in("ada@lab.test")
    assert open_own_account(User.objects.get(email="ada@lab.test")) is None
    assert Account.objects.count() == 1


def test_who_belongs_to_none_any_more_opens_one_with_a_button() -> None:
    user = User.objects.create_user("ada@lab.test", PASSWORD)
    client = Client()
    client.force_login(user)
    assert client.get("/overview")["Location"] == "/welcome"
    assert b"Open an account" in client.get("/welcome").content
    assert client.post("/open-account")["Location"] == "/overview"
    assert client.get("/welcome")["Location"] == "/overview"


def test_who_signs_up_by_an_invitation_joins_that_account_and_opens_none() -> None:
    account = actions.create_account("Ada's lab", "standard", "owner@lab.test")
    owner = account.members.get()
    invitation = invitations.invite(account, "bob@lab.test", "developer", owner, OPERATOR)
    client = Client()
    shown = client.get(f"/invitations/{invitations._signer.sign(invitation.public_id)}")
    assert "/auth/signup/?email=bob%40lab.test" in shown.content.decode()
    sign_up("bob@lab.test", client)
    assert [(m.account, m.role) for m in Membership.objects.filter(user__email="bob@lab.test")] == [
        (account, "developer")
    ]


def test_an_invitation_of_another_address_is_not_accepted_by_signing_up() -> None:
    account = actions.create_account("Ada's lab", "standard", "owner@lab.test")
    invitation = invitations.invite(account, "bob@lab.test", "admin", account.members.get(), OPERATOR)
    client = Client()
    client.get(f"/invitations/{invitations._signer.sign(invitation.public_id)}")
    sign_up("mallory@else.test", client)
    assert account_of("mallory@else.test") != account


@pytest.fixture
def with_mail_server(settings: Settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.PUBLIC_URL = "https://ai.example.test"


@pytest.fixture
def link_in_mail(with_mail_server: None) -> Callable[[], str]:
    def newest() -> str:
        body = str(mail.outbox[-1].body)
        return next(word for word in body.split() if "/auth/" in word)

    return newest


def test_with_a_mail_server_credits_wait_for_a_proven_address(link_in_mail: Callable[[], str]) -> None:
    client = Client()
    sign_up("ada@lab.test", client)
    assert not Account.objects.exists()
    assert sign_in("ada@lab.test").headers["Location"].endswith("/auth/confirm-email/")
    assert not Account.objects.exists()
    link = link_in_mail()
    assert link.startswith("https://ai.example.test/auth/confirm-email/")
    client.post(link.removeprefix("https://ai.example.test"))
    sign_in("ada@lab.test")
    assert available(account_of("ada@lab.test")) == BONUS


def test_links_in_mails_do_not_follow_the_host_header(link_in_mail: Callable[[], str]) -> None:
    Client().post(
        "/auth/signup/", {"email": "a@b.test", "password1": PASSWORD}, headers={"host": "evil.test"}
    )
    assert "evil.test" not in f"{mail.outbox[-1].subject} {mail.outbox[-1].body}"
    assert link_in_mail().startswith("https://ai.example.test/")


def test_with_a_mail_server_sign_up_does_not_tell_who_has_an_account(with_mail_server: None) -> None:
    sign_up("ada@lab.test")
    EmailAddress.objects.update(verified=True)
    cache.clear()  # mails to one address are minutes apart
    again, new = sign_up("ada@lab.test"), sign_up("eve@lab.test")
    assert (again.status_code, again.headers["Location"]) == (new.status_code, new.headers["Location"])
    assert "already exists" in str(mail.outbox[1].body)


def test_a_password_reset_does_not_tell_who_has_an_account(with_mail_server: None) -> None:
    sign_up("ada@lab.test")
    known = Client().post("/auth/password/reset/", {"email": "ada@lab.test"})
    unknown = Client().post("/auth/password/reset/", {"email": "nobody@lab.test"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_sign_in_is_limited_by_the_callers_address(settings: Settings) -> None:
    settings.TRUST_FORWARDED_FOR = True

    def attempt(address: str, number: int) -> int:
        return int(
            Client()
            .post(
                "/auth/login/",
                {"login": f"a{number}@lab.test", "password": "wrong"},
                headers={"x-forwarded-for": f"203.0.113.9, {address}"},
            )
            .status_code
        )

    answers = [attempt("198.51.100.1", number) for number in range(31)]
    assert answers[-1] == 429
    assert attempt("198.51.100.2", 99) == 200


@pytest.mark.parametrize(
    "email",
    [
        "a" * 251 + "@example.com",  # 263 characters
        "\u0130x@example.com",  # its lower case has one character more
        "x@\uff45xample.com",
        "x\x00y@example.com",
        "x@example.com\x00",
        "x@" + "a." * 130 + "com",
    ],
)
def test_an_address_that_is_refused_later_is_refused_at_sign_up(email: str) -> None:
    """One rule for all who take an address: nobody is left without an account, and no sign-in fails for it."""
    assert sign_up(email).status_code in (200, 400)
    assert not User.objects.exists()
    assert not EmailAddress.objects.exists()
    with pytest.raises(InvalidRequest):
        valid_address(email)


@pytest.mark.parametrize(
    "email", ["a" * 64 + "@example.com", "x@b\u00fcro.example", "A.b+c@Example.COM", "o'neil@x.test"]
)
def test_an_address_that_sign_up_takes_is_taken_everywhere(email: str) -> None:
    assert sign_up(email).status_code == 302
    user = User.objects.get()
    assert user.email == valid_address(email) == valid_address(user.email)
    account = account_of(user.email)
    assert actions.valid_account_name(account.name) == account.name
    assert EmailAddress.objects.get().email == user.email


@pytest.mark.parametrize("email", ["\u212ate@example.com", "x@b\u0130g.example.com"])
def test_what_sign_up_keeps_is_an_address_that_stays_as_it_is(email: str) -> None:
    assert sign_up(email).status_code == 302
    user = User.objects.get()
    assert valid_address(user.email) == user.email
    assert account_of(user.email)


def test_a_sign_up_whose_account_cannot_be_opened_leaves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the books are out of reach")

    monkeypatch.setattr("usage.sign_up.open_account", fails)
    with pytest.raises(RuntimeError):
        sign_up("ada@lab.test")
    assert not User.objects.exists()
    monkeypatch.undo()
    assert sign_up("ada@lab.test").status_code == 302
    assert available(account_of("ada@lab.test")) == BONUS


def test_a_person_whose_address_was_taken_before_the_rule_can_sign_in() -> None:
    user = User.objects.create_user("ada@lab.test", PASSWORD)
    User.objects.filter(pk=user.pk).update(email="i\u0307x@example.com")
    user.refresh_from_db()
    account = open_own_account(user)
    assert account is not None
    assert account.memberships.get().user == user


def test_a_mailbox_has_the_trials_credits_once_under_whatever_tags() -> None:
    for email, credits in {
        "ada+1@lab.test": BONUS,
        "Ada@Lab.test": 0,
        "ada+2@lab.test": 0,
        "ada@elsewhere.test": BONUS,
        "adamant@lab.test": BONUS,
    }.items():
        sign_up(email)
        assert available(account_of(email.lower())) == credits, email


def test_an_address_is_not_flooded_with_invitations(settings: Settings, rf: RequestFactory) -> None:
    settings.INVITATION_MAILS_PER_ADDRESS = "2/d"
    account = actions.create_account("Lab", "standard", "owner@lab.test")
    owner = account.memberships.get().user
    mailed = []
    for _ in range(4):
        invitation = invitations.invite(account, "bo@people.test", "viewer", owner, OPERATOR)
        mailed.append(invitations.send(rf.get("/"), invitation))
        invitations.withdraw(invitation, OPERATOR)
    assert mailed == [True, True, False, False]
    assert len(mail.outbox) == 2
