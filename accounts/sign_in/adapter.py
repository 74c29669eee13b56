"""What sign-up, sign-in and their mails take from us: addresses, limits, and where links point to."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.signals import password_reset
from allauth.core.internal import ratelimit
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

from accounts.addresses import end_all_access, is_proven, valid_address
from accounts.models import User
from accounts.sign_in import limits
from aio_platform.errors import InvalidRequest
from aio_platform.http.request_context import client_address

UNKNOWN_ADDRESS = "::"
RATES_OF = "allauth.account"
_LINKS = ("activate_url", "password_reset_url", "signup_url")


class SignInAdapter(DefaultAccountAdapter):
    def get_client_ip(self, request: HttpRequest) -> str:
        """The caller's address as everywhere else; allauth counts its rate limits by it."""
        address = client_address(request)
        try:
            return str(ipaddress.ip_address(address))
        except ValueError:  # a proxy that names no address: everybody behind it counts as one
            return UNKNOWN_ADDRESS

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt before its password is looked at; a ValidationError where it is one too many."""
        self._counted = []
        login = str(credentials.get("email", ""))
        for action, key in limits.limits_of(request, login, self.get_client_ip(request)):
            usage = ratelimit.consume(request, app=RATES_OF, action=action, key=key)
            if not usage:
                self._rollback_login_failed_rl_usage()
                raise self.validation_error("too_many_login_attempts")
            self._counted.append(usage)

    def _rollback_login_failed_rl_usage(self) -> None:
        """A password that was right is no failure. allauth's own name for it."""
        for usage in self._counted:
            usage.rollback()

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """After a reset of the password, nothing of what was tried before counts; allauth's name for it too."""
        login = str(credentials.get("email", ""))
        for action, key in limits.limits_of(request, login, self.get_client_ip(request)):
            ratelimit.clear(request, app=RATES_OF, action=action, key=key)

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponseBase:
        """Once all steps of signing in are done."""
        response: HttpResponseBase = super().post_login(request, user, **options)
        limits.remember_browser(request, response, user)
        return response

    def clean_email(self, email: str) -> str:
        """An address that the rest of the platform takes too, once it is signed up with."""
        try:
            return valid_address(email)
        except InvalidRequest as refused:
            raise ValidationError(refused.shown) from None

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail whose links do not follow the request's Host header, which anybody can set."""
        mended = {name: public_link(value) if name in _LINKS else value for name, value in context.items()}
        mended["current_site"] = {
            "name": "AIO platform",
            "domain": urlsplit(public_link("//localhost")).netloc,
        }
        super().send_mail(template_prefix, email, mended)


@receiver(password_reset, dispatch_uid="accounts.sign_in")
def leave_nothing_of_others(user: User, **_: Any) -> None:
    """Who resets the password of an address that nobody has proven may not be who signed up with it."""
    if is_proven(user):
        return
    with transaction.atomic():
        theirs = user.password
        end_all_access(user)
        user.password = theirs
        user.save(update_fields=["password"])
        # Not proven by this: the letter may have gone to another address of whoever signed up.
        EmailAddress.objects.create(user=user, email=user.email, primary=True)


def public_link(url: str) -> str:
    """The same page at the platform's public URL, where one is set; mails to others carry such links only."""
    if not settings.PUBLIC_URL:
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{settings.PUBLIC_URL.rstrip('/')}{parts.path}{query}"
