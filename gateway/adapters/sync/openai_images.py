"""Images as OpenAI and vLLM-Omni make them: POST /v1/images/generations, base64 inside JSON.

Sources: OpenAI's API reference; docs/serving/image_generation_api.md of vllm-project/vllm-omni, which adds
`negative_prompt`, `num_inference_steps`, `seed` and guidance. OpenAI's gpt-image models refuse `response_format`
and always give base64: their routes say `response_format = ""`.
"""

from gateway.adapters.protocol import AdapterRoute, Steps, UpstreamCall
from gateway.adapters.shared import images
from gateway.adapters.shared.requests import ImageRequest
from usage.ledger.units import Units

SERVES = frozenset({"images"})
PATH = "/v1/images/generations"


def ceiling(request: ImageRequest, route: AdapterRoute) -> Units:
    """Images and pixel-steps as asked; see `images.max_units`."""
    return images.max_units(request, route)


def steps(request: ImageRequest, route: AdapterRoute) -> Steps:
    """One call."""
    received = yield UpstreamCall(PATH, json=images.openai_fields(request, route))
    return images.openai_answer(received, request, route)
