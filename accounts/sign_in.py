"""What sign-up, sign-in and their mails take from us: the caller's address, and the address links point to."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from aio_platform.request_context import client_address

UNKNOWN_ADDRESS = "::"
_LINKS = ("activate_url", "password_reset_url", "signup_url")


class SignInAdapter(DefaultAccountAdapter):
    def get_client_ip(self, request: HttpRequest) -> str:
        """The caller's address as everywhere else; allauth counts its rate limits by it."""
        address = client_address(request)
        try:
            return str(ipaddress.ip_address(address))
        except ValueError:  # a proxy that names no address: everybody behind it counts as one
            return UNKNOWN_ADDRESS

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail whose links do not follow the request's Host header, which anybody can set."""
        mended = {name: public_link(value) if name in _LINKS else value for name, value in context.items()}
        mended["current_site"] = {
            "name": "AIO platform",
            "domain": urlsplit(public_link("//localhost")).netloc,
        }
        super().send_mail(template_prefix, email, mended)


def public_link(url: str) -> str:
    """The same page at the platform's public URL, where one is set; mails to others carry such links only."""
    if not settings.PUBLIC_URL:
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{settings.PUBLIC_URL.rstrip('/')}{parts.path}{query}"
