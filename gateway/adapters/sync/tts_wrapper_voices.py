"""The speakers of a plain Qwen3-TTS wrapper: GET /tts/speakers, `{"speakers": […]}` or a bare array."""

from gateway.adapters.protocol import AdapterRoute, JsonAnswer, Steps, UpstreamCall
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import VoicesRequest
from gateway.adapters.shared.voices import names_in
from usage.ledger.units import Units

SERVES = frozenset({"voices"})
PATH = "/tts/speakers"


def ceiling(request: VoicesRequest, route: AdapterRoute) -> Units:
    """One call."""
    return Units()


def steps(request: VoicesRequest, route: AdapterRoute) -> Steps:
    """One call; the names as the server spells them."""
    received = yield UpstreamCall(PATH, method="GET")
    values = received.json()
    raise_for_error_body(values)
    names = names_in(values.get("speakers") if isinstance(values, dict) else values)
    return JsonAnswer(
        names, Units(), upstream_body=received.body, upstream_content_type=received.content_type
    )
