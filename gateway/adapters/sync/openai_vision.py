"""Reading an image with a vision model: an OpenAI chat of one message, the image inside it as a data URL.

Source: OpenAI's API reference, "Images and vision"; vLLM and Ollama take the same.
"""

import base64
from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.request import TEMPLATE_TOKENS, TEMPLATE_TOKENS_PER_MESSAGE, ChatRequest
from gateway.adapters.chat.weight import answer_text
from gateway.adapters.protocol import AdapterRoute, JsonAnswer, MalformedAnswer, Steps, UpstreamCall
from gateway.adapters.shared.limits import check_count
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import VisionRequest
from gateway.adapters.shared.tokens import most_tokens
from gateway.media.kinds import IMAGE_KINDS
from usage.ledger.units import Units

SERVES = frozenset({"vision"})
# Where the route does not say; a route whose output costs must say.
MAX_OUTPUT_TOKENS = 4096
MAX_IMAGE_BYTES = 20_000_000


def ceiling(request: VisionRequest, route: AdapterRoute) -> Units:
    """The most tokens that prompt, image and answer can be.

    The image counts by the route's own bound. Raises InvalidRequest naming `image` for one that is larger than
    the route's `max_image_bytes`, or whose bytes, when it was received, showed no PNG, JPEG, GIF or WebP.
    """
    check_count(
        request.image.size_bytes, route, "max_image_bytes", MAX_IMAGE_BYTES, "image", "bytes of image"
    )
    if request.image.content_type not in IMAGE_KINDS:
        raise InvalidRequest(_("%(param)s: this is not a PNG, JPEG, GIF or WebP image."), param="image")
    template = TEMPLATE_TOKENS + TEMPLATE_TOKENS_PER_MESSAGE
    tokens_in = most_tokens(request.prompt) + route.max_image_tokens + template
    return Units(tokens_in=tokens_in, tokens_out=_output_limit(route))


def steps(request: VisionRequest, route: AdapterRoute) -> Steps:
    """One call. An answer that says nothing is malformed: a description is never empty."""
    encoded = base64.b64encode(request.image.read()).decode("ascii")
    chat = _chat(request, f"data:{request.image.content_type};base64,{encoded}")
    body = {**chat.values, "model": route.upstream_model, "max_tokens": _output_limit(route)}
    received = yield UpstreamCall(openai_chat.PATH, json=body)
    raise_for_error_body(received.json())
    answer = openai_chat.read_answer(received.body)
    text = answer_text(answer.values)
    if not text.strip():
        raise MalformedAnswer("no text")
    units, estimated = answer.metered(chat)
    return JsonAnswer({"text": text}, units, estimated, received.body, received.content_type)


def _chat(request: VisionRequest, url: str) -> ChatRequest:
    content: list[dict[str, Any]] = [
        {"type": "text", "text": request.prompt},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    values: dict[str, Any] = {
        "messages": [{"role": "user", "content": content}],
        "temperature": request.temperature,
        "stream": False,
    }
    return ChatRequest(values, size_bytes=most_tokens(request.prompt), stream=False, include_usage=False)


def _output_limit(route: AdapterRoute) -> int:
    return route.max_output_tokens or MAX_OUTPUT_TOKENS
