"""A private server of no known protocol: the Omakase document's own fields go to it as JSON.

The route's options say `path`, and in `fields` what the server calls a field that it names otherwise. It answers
in the document's shapes (`embeddingVector`, a ranking, audio, an image) or in the nearest usual ones: bare arrays,
OpenAI's `data`, `results`, `images`. It tells no tokens, so those are estimated.
"""

from collections.abc import Callable
from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import (
    AdapterRoute,
    JsonAnswer,
    MalformedAnswer,
    Received,
    Steps,
    StreamedAnswer,
    UpstreamCall,
)
from gateway.adapters.shared import embeddings, images, rerank, speech, voices
from gateway.adapters.shared.languages import full_name
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import (
    EmbeddingRequest,
    ImageRequest,
    MusicRequest,
    RerankRequest,
    SpeechRequest,
    VoicesRequest,
)
from gateway.adapters.sync import ace_step
from gateway.adapters.sync.vllm_omni_speech import FORMATS
from usage.ledger.units import Units

SERVES = frozenset({"embeddings", "rerank", "speech", "voices", "images", "music"})
PassthroughRequest = (
    EmbeddingRequest | RerankRequest | SpeechRequest | VoicesRequest | ImageRequest | MusicRequest
)


def ceiling(request: PassthroughRequest, route: AdapterRoute) -> Units:
    """The bound of the request's endpoint, with the options that the other adapters of it take."""
    match request:
        case EmbeddingRequest():
            if request.token_arrays:
                raise InvalidRequest(_("%(param)s: this model takes text, not token ids."), param="input")
            return embeddings.max_units(request, route)
        case RerankRequest():
            return rerank.max_units(request, route)
        case SpeechRequest():
            full_name(request.language)
            _speaker(request, route)
            speech.check_format(request.response_format, route, FORMATS)
            return speech.max_units(request.text, route)
        case VoicesRequest():
            return Units()
        case ImageRequest():
            return images.max_units(request, route)
        case MusicRequest():
            return ace_step.ceiling(request, route)


def steps(request: PassthroughRequest, route: AdapterRoute) -> Steps:
    """One call: sound is streamed on, everything else is read into its normal form."""
    path = route.options.get("path", "/")
    if isinstance(request, SpeechRequest | MusicRequest):
        body = _body(request, route)
        received = yield UpstreamCall(path, json=body, accept="audio/*", streamed=True)
        return StreamedAnswer(speech.audio_type(received), ceiling(request, route))
    if isinstance(request, VoicesRequest):
        received = yield UpstreamCall(path, method="GET")
        return _voices(received)
    accept = "image/*, application/json" if isinstance(request, ImageRequest) else "application/json"
    received = yield UpstreamCall(path, json=_body(request, route), accept=accept)
    match request:
        case EmbeddingRequest():
            return _embeddings(received, request)
        case RerankRequest():
            return _ranking(received, request)
        case ImageRequest():
            return _images(received, request, route)


def _body(request: PassthroughRequest, route: AdapterRoute) -> dict[str, Any]:
    """The fields that hold something, under the names the server has for them, and its model."""
    names = route.options.get("fields", {})
    fields = _FIELDS[type(request)](request)
    if isinstance(request, SpeechRequest):
        fields["speaker"] = _speaker(request, route)
    body = {names.get(name, name): value for name, value in fields.items() if value not in (None, "")}
    return {"model": route.upstream_model, **body}


def _speaker(request: SpeechRequest, route: AdapterRoute) -> str | None:
    """The voice as it was asked for, unless the route's `speakers` says which there are."""
    return voices.speaker_for(request.voice, route) if "speakers" in route.options else request.voice


_FIELDS: dict[type, Callable[[Any], dict[str, Any]]] = {
    EmbeddingRequest: lambda request: {
        "input": request.inputs if len(request.inputs) > 1 else request.inputs[0],
        "input_type": request.input_type,
        "dimensions": request.dimensions,
    },
    RerankRequest: lambda request: {"query": request.query, "input": request.documents},
    SpeechRequest: lambda request: {
        "text": request.text,
        "language": full_name(request.language),
        "instruct": request.instructions,
        "response_format": request.response_format,
        "speed": request.speed,
    },
    ImageRequest: lambda request: {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "num_inference_steps": request.steps,
        "seed": request.seed,
        "n": request.count if request.count > 1 else None,
    },
    MusicRequest: lambda request: {
        "prompt": request.prompt,
        "audio_duration": request.audio_ms / 1000,
        "seed": request.seed,
    },
}


def _embeddings(received: Received, request: EmbeddingRequest) -> JsonAnswer:
    values = received.json()
    raise_for_error_body(values)
    found: object = values
    if isinstance(values, dict):
        found = values.get("embeddingVector", values.get("embeddings"))
        if found is None:
            found = embeddings.in_input_order(values.get("data"))
    # The document's own answer to one input is one vector, not a list of one.
    if len(request.inputs) == 1 and isinstance(found, list) and found and not isinstance(found[0], list):
        found = [found]
    checked = embeddings.validate(found, len(request.inputs), request.dimensions)
    return JsonAnswer(checked, embeddings.estimate_units(request), True, received.body, received.content_type)


def _ranking(received: Received, request: RerankRequest) -> JsonAnswer:
    values = received.json()
    raise_for_error_body(values)
    found = values.get("results") if isinstance(values, dict) else values
    first = found[0] if isinstance(found, list) and found else None
    scored = "relevance_score" if isinstance(first, dict) and "relevance_score" in first else "score"
    checked = rerank.validate(found, request, scored)
    return JsonAnswer(checked, rerank.estimate_units(request), True, received.body, received.content_type)


def _images(received: Received, request: ImageRequest, route: AdapterRoute) -> JsonAnswer:
    if received.content_type.startswith("image/"):
        return images.answer([images.from_bytes(received.body)], request, route, received)
    values = received.json()
    raise_for_error_body(values)
    found = values.get("images", values.get("data")) if isinstance(values, dict) else None
    if not isinstance(found, list):
        raise MalformedAnswer("no images")
    encoded = [image.get("b64_json") if isinstance(image, dict) else image for image in found]
    return images.answer([images.from_base64(image) for image in encoded], request, route, received)


def _voices(received: Received) -> JsonAnswer:
    values = received.json()
    raise_for_error_body(values)
    listed = values.get("speakers", values.get("voices")) if isinstance(values, dict) else values
    return JsonAnswer(voices.names_in(listed), Units(), False, received.body, received.content_type)
