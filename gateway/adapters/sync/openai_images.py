"""Images as OpenAI and vLLM-Omni make them: POST /v1/images/generations, base64 inside JSON.

Sources: OpenAI's API reference; docs/serving/image_generation_api.md of vllm-project/vllm-omni, which adds
`negative_prompt`, `num_inference_steps`, `seed` and guidance. OpenAI's gpt-image models refuse `response_format`
and always give base64: their routes say `response_format = ""`.
"""

from typing import Any

from gateway.adapters.protocol import AdapterRoute, MalformedAnswer, Steps, UpstreamCall
from gateway.adapters.shared import images
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import ImageRequest
from usage.ledger.units import Units

SERVES = frozenset({"images"})
PATH = "/v1/images/generations"
# Of the caller's other fields, those that cannot change what the upstream bills; `quality` can, and is priced.
EXTRA_FIELDS = (
    "background",
    "guidance_scale",
    "moderation",
    "output_compression",
    "output_format",
    "style",
    "true_cfg_scale",
    "user",
)


def ceiling(request: ImageRequest, route: AdapterRoute) -> Units:
    """Images and pixel-steps as asked; see `images.max_units`."""
    return images.max_units(request, route)


def steps(request: ImageRequest, route: AdapterRoute) -> Steps:
    """One call. Steps go out where the caller or the route's `default_steps` says how many."""
    body: dict[str, Any] = {name: request.extra[name] for name in EXTRA_FIELDS if name in request.extra}
    body |= {
        "model": route.upstream_model,
        "prompt": request.prompt,
        "n": request.count,
        "size": f"{request.width}x{request.height}",
        **images.choice(request, route).options,
    }
    response_format = route.options.get("response_format", "b64_json")
    if response_format:
        body["response_format"] = response_format
    if request.negative_prompt:
        body["negative_prompt"] = request.negative_prompt
    if request.steps is not None or "default_steps" in route.options:
        body["num_inference_steps"] = images.steps_of(request, route)
    if request.seed is not None:
        body["seed"] = request.seed
    received = yield UpstreamCall(PATH, json=body)
    values = received.json()
    raise_for_error_body(values)
    data = values.get("data") if isinstance(values, dict) else None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise MalformedAnswer("no data")
    return images.answer([_picture(item) for item in data], request, route, received)


def _picture(item: dict[str, Any]) -> dict[str, Any]:
    picture = images.from_base64(item.get("b64_json"))
    revised = item.get("revised_prompt")
    if isinstance(revised, str) and revised:
        picture["revised_prompt"] = revised
    return picture
