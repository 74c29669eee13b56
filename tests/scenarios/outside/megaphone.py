"""A throw-away protocol for the throw-away endpoint: POST /louder takes `{"text"}` and answers `{"louder"}`."""

from gateway.adapters.protocol import AdapterRoute, JsonAnswer, MalformedAnswer, Steps, UpstreamCall
from usage.ledger.units import Units

SERVES = frozenset({"shout"})


def ceiling(request: str, route: AdapterRoute) -> Units:
    """The text's characters."""
    return Units(characters=len(request))


def steps(request: str, route: AdapterRoute) -> Steps:
    """One call."""
    received = yield UpstreamCall("/louder", json={"text": request})
    values = received.json()
    if not isinstance(values, dict) or not isinstance(values.get("louder"), str):
        raise MalformedAnswer("nothing louder")
    return JsonAnswer(values["louder"], Units(characters=len(request)))
