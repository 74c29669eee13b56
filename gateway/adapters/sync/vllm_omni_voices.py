"""The voices of a vLLM-Omni server: GET /v1/audio/voices, presets and uploaded ones.

Source: docs/serving/speech_api.md of vllm-project/vllm-omni, "Voices Endpoint".
"""

from gateway.adapters.protocol import AdapterRoute, JsonAnswer, MalformedAnswer, Steps, UpstreamCall
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import VoicesRequest
from gateway.adapters.shared.voices import names_in
from usage.ledger.units import Units

SERVES = frozenset({"voices"})
PATH = "/v1/audio/voices"


def ceiling(request: VoicesRequest, route: AdapterRoute) -> Units:
    """One call."""
    return Units()


def steps(request: VoicesRequest, route: AdapterRoute) -> Steps:
    """One call; the names as the server spells them."""
    received = yield UpstreamCall(PATH, method="GET")
    values = received.json()
    raise_for_error_body(values)
    if not isinstance(values, dict) or not isinstance(values.get("voices"), list):
        raise MalformedAnswer("no voices")
    uploaded = values.get("uploaded_voices")
    listed = values["voices"] + (uploaded if isinstance(uploaded, list) else [])
    return JsonAnswer(
        names_in(listed), Units(), upstream_body=received.body, upstream_content_type=received.content_type
    )
