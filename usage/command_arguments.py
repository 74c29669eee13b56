"""How this app's commands read amounts, and whom they name as the actor."""

import getpass

from aio_platform.credits import parse_credits
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import english_only


def read_credits(text: str, name: str) -> int:
    """Micro-credits from a decimal number of credits; InvalidRequest, naming the argument, for the rest."""
    try:
        return parse_credits(text)
    except ValueError as error:
        raise InvalidRequest(english_only("%(name)s: %(error)s"), name=name, error=str(error)) from None


def operator() -> str:
    """Who runs this command, as the books write down who gave credits."""
    try:
        return f"command:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return "command"
