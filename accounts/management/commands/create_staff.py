"""`create_staff EMAIL`: let a person into the staff site."""

import getpass
import json
import sys
from argparse import ArgumentParser
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from accounts.models import User


class Command(BaseCommand):
    help = (
        "Make a person staff, and make the person where there is none of that address. Without --superuser they "
        "may do what their groups allow. A new person's password is read from standard input, or asked for."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--superuser", action="store_true", help="may do everything")
        parser.add_argument("--group", action="append", default=[], help="a set of permissions; repeatable")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, email: str, superuser: bool, group: list[str], **options: Any) -> None:
        address = email.strip().lower()
        try:
            validate_email(address)
        except ValidationError:
            raise CommandError("That is not an e-mail address.") from None
        groups = [self._group(name) for name in group]
        user = User.objects.filter(email=address).first()
        made = user is None
        password = _new_password(address) if made else None
        with transaction.atomic():
            if user is None:
                user = User.objects.create_user(address, password)
                # Whoever runs this vouches for the address: no letter is waited for.
                EmailAddress.objects.create(user=user, email=address, verified=True, primary=True)
            user.is_staff = True
            user.is_superuser = user.is_superuser or superuser
            user.save(update_fields=["is_staff", "is_superuser"])
            user.groups.add(*groups)
        if options["json"]:
            self.stdout.write(json.dumps({"email": address, "made": made, "superuser": user.is_superuser}))
        else:
            self.stdout.write(f"{address} is staff and signs in at /staff/ with {_with_what(made)}.")

    def _group(self, name: str) -> Group:
        found = Group.objects.filter(name=name).first()
        if found is None:
            names = ", ".join(Group.objects.order_by("name").values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no group {name!r}; there is {names}.")
        return found


def _with_what(made: bool) -> str:
    return "the password you gave" if made else "the password they have"


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
