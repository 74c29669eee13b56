"""A route's own limits, from its options, with the default that each adapter states."""

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute


class BadOption(ValueError):
    """A catalog's mistake: calls to that route fail, closed, until it is mended."""


def limit(route: AdapterRoute, option: str, default: int) -> int:
    """The option's whole number, else the default. Raises BadOption for anything that bounds nothing."""
    value = route.options.get(option, default)
    if type(value) is not int or value < 1:
        raise BadOption(f"the option {option} of {route.model} must be a whole number of at least 1")
    return value


def check_count(count: int, route: AdapterRoute, option: str, default: int, param: str, what: str) -> None:
    """Raises InvalidRequest naming `param` for nothing at all, or for more than the route takes."""
    most = limit(route, option, default)
    if count < 1:
        raise InvalidRequest(_("%(param)s: must not be empty."), param=param)
    if count > most:
        raise InvalidRequest(
            _("%(param)s: this model takes at most %(most)s %(what)s."),
            param=param,
            most=f"{most:,}",
            what=what,
        )
