"""`create_staff EMAIL`: let a person into the staff site."""

import getpass
import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.addresses import end_all_access, is_proven, valid_address
from accounts.models import Membership, User
from aio_platform.errors import InvalidRequest


class Command(BaseCommand):
    help = (
        "Make a person staff, and make the person where there is none of that address. Without --superuser they "
        "may do what their groups allow. The password is read from standard input, or asked for, unless the person "
        "has proven the address: whoever signed up with it without that loses all access."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--superuser", action="store_true", help="may do everything")
        parser.add_argument("--group", action="append", default=[], help="a set of permissions; repeatable")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, email: str, superuser: bool, group: list[str], **options: Any) -> None:
        try:
            address = valid_address(email)
        except InvalidRequest as refused:
            raise CommandError(refused.message) from None
        groups = [self._group(name) for name in group]
        user = User.objects.filter(email=address).first()
        made, proven = user is None, user is not None and is_proven(user)
        password = None if proven else _new_password(address)
        ended = None
        with transaction.atomic():
            if user is None:
                user = User.objects.create_user(address, password)
            elif not proven:
                # Anybody may have signed up as this person: what they could come back with ends first.
                ended = end_all_access(user)
                user.set_password(password)
            if not proven:
                # Whoever runs this vouches for the address: no letter is waited for.
                EmailAddress.objects.create(user=user, email=address, verified=True, primary=True)
            user.is_staff = True
            user.is_superuser = user.is_superuser or superuser
            user.save(update_fields=["password", "is_staff", "is_superuser"])
            user.groups.add(*groups)
        accounts = list(Membership.objects.filter(user=user).values_list("account__public_id", flat=True))
        if options["json"]:
            said = {"email": address, "made": made, "proven": proven, "superuser": user.is_superuser}
            self.stdout.write(json.dumps({**said, "ended": ended and asdict(ended), "accounts": accounts}))
            return
        self.stdout.write(f"{address} is staff and signs in at /staff/ with {_with_what(proven)}.")
        if ended is not None:
            self.stdout.write(
                f"Somebody had signed up as {address} without proving the address. Their password, "
                f"{ended.sessions} sessions, {ended.authenticators} passkeys and codes, and {ended.keys} API keys "
                f"are ended. Look at the accounts they belong to: {', '.join(accounts) or 'none'}."
            )

    def _group(self, name: str) -> Group:
        found = Group.objects.filter(name=name).first()
        if found is None:
            names = ", ".join(Group.objects.order_by("name").values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no group {name!r}; there is {names}.")
        return found


def _with_what(proven: bool) -> str:
    return "the password they have" if proven else "the password you gave"


def _new_password(address: str) -> str:
    if sys.stdin.isatty():
        password = getpass.getpass(f"A password for {address}: ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    try:
        validate_password(password, User(email=address))
    except ValidationError as refused:
        raise CommandError(" ".join(refused.messages)) from None
    return password
