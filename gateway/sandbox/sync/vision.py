"""Seeing: the sandbox reads the prompt that its own images carry, and describes any other by its bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib

from gateway.sandbox.chat import prose
from gateway.sandbox.files import png
from gateway.sandbox.wire import Json, Refusal


def describe(image_url: Json) -> str:
    """What is in an `image_url` part: a data URL is decoded, another URL is only named."""
    url = image_url.get("url") if isinstance(image_url, dict) else image_url
    if not isinstance(url, str) or not url:
        raise Refusal(400, "image_url.url must be a string")
    if not url.startswith("data:"):
        return f"An image at {url}."
    head, _, encoded = url.partition(",")
    if not head.endswith(";base64"):
        raise Refusal(400, "a data URL must be base64")
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise Refusal(400, "the image is not valid base64") from None
    return describe_bytes(data)


def describe_bytes(data: bytes) -> str:
    """The prompt written in a PNG's text chunk, or a sentence that depends on the bytes."""
    size = png.size_of(data)
    if size is None:
        return f"An image of {len(data)} bytes. {prose.sentence(hashlib.sha256(data).digest())}"
    prompt = png.text_of(data, "prompt")
    shown = f"The image shows: {prompt}" if prompt else prose.sentence(hashlib.sha256(data).digest())
    return f"{shown} ({size[0]}x{size[1]})"
