"""How often somebody may try a person's password: strictly for strangers, so that nobody locks out the person.

Failures count by person and network. Those from networks and browsers that the person never signed in with count
together as well, by person alone, and only such attempts are refused for them: whoever guesses from changing addresses
is slowed down, and the person at their own desk is not. A browser that the person signed in with is known by a signed
cookie, and counts for itself, whatever others behind its address do.
"""

import secrets
from typing import Any, NamedTuple

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from accounts.keys.guessing import network_of
from accounts.models import User

# Names of the limits in ACCOUNT_RATE_LIMITS.
BY_NETWORK, ELSEWHERE, KNOWN_BROWSER = "login_failed", "login_failed_elsewhere", "login_failed_known_browser"
COOKIE = "aio_known_browser"
COOKIE_AGE_S = 365 * 24 * 3600
COOKIE_PATH = "/auth/"
MAX_PEOPLE = 5
_SALT = "accounts.known_browser"


class Limit(NamedTuple):
    """One count that an attempt is added to: its rates' name, and whose it is."""

    action: str
    key: str


def limits_of(request: HttpRequest, login: str, address: str) -> list[Limit]:
    """The limits that an attempt to sign in as `login` from that address is held to."""
    login = login.strip().lower()
    person = User.objects.filter(email=login).only("pk").first()
    browser = _known_people(request).get(str(person.pk)) if person is not None else None
    if browser is not None:
        return [Limit(KNOWN_BROWSER, f"{login} {browser}")]
    network = network_of(address)
    by_network = Limit(BY_NETWORK, f"{login} {network}")
    if person is not None and _has_signed_in_from(person, network):
        return [by_network]
    return [by_network, Limit(ELSEWHERE, login)]


def remember_browser(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Let the browser be known as one that the person signed in with; for a year, for the latest few people."""
    people = _known_people(request)
    mark = people.pop(str(user.pk), None) or secrets.token_urlsafe(12)
    kept = dict([*people.items(), (str(user.pk), mark)][-MAX_PEOPLE:])
    response.set_cookie(
        COOKIE,
        signing.dumps(kept, salt=_SALT),
        max_age=COOKIE_AGE_S,
        path=COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known_people(request: HttpRequest) -> dict[str, Any]:
    try:
        people = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=COOKIE_AGE_S)
    except signing.BadSignature:
        return {}
    return people if isinstance(people, dict) else {}


def _has_signed_in_from(person: User, network: str) -> bool:
    """Whether a session of theirs that has not ended was begun from that network."""
    addresses = UserSession.objects.filter(user=person).values_list("ip", flat=True)
    return any(network_of(address) == network for address in addresses)
