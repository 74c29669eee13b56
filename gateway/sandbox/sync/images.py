"""Images from text, and from images: the OpenAI surface of vLLM-Omni, and AUTOMATIC1111's."""

from __future__ import annotations

import base64
import re

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose
from gateway.sandbox.files import png
from gateway.sandbox.magic import without_magic
from gateway.sandbox.sync.forms import read_form
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Route, Text, json_reply

DEFAULT_SIDE = 1024
MAX_IMAGES = 10
MAX_INPUT_IMAGES = 16
CREATED = 1_750_000_000
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


def routes() -> list[Route]:
    """The synchronous image surface."""
    return [
        Route("POST", "/v1/images/generations", generations, dialects.openai),
        Route("POST", "/v1/images/edits", edits, dialects.openai),
        Route("POST", "/sdapi/v1/txt2img", txt2img, dialects.fastapi),
    ]


def generations(call: Call) -> Answer:
    """OpenAI, vLLM-Omni: `n` images of `size`, as base64."""
    return _openai(call.json(), b"")


def edits(call: Call) -> Answer:
    """OpenAI, vLLM-Omni: images of `size`, as base64; how they look depends on all files sent."""
    form = read_form(call)
    files = [file for name in ("image", "image[]") for file in form.file_lists.get(name, [])]
    if not 1 <= len(files) <= MAX_INPUT_IMAGES:
        raise Refusal(400, f"from 1 to {MAX_INPUT_IMAGES} images are taken")
    files += form.file_lists.get("mask", [])
    if not all(file.content_type.startswith("image/") and file.data for file in files):
        raise Refusal(400, "Invalid image file")
    return _openai(dict(form.fields), b"".join(prose.digest(file.data) for file in files))


def _openai(body: dict[str, Json], source: bytes) -> Answer:
    prompt = _prompt(body, 400)
    size = body.get("size")
    match = _SIZE.fullmatch("1024x1024" if size in (None, "auto") else str(size))
    if match is None:
        raise Refusal(
            400, f"Invalid size format: '{size}'. Expected format: 'WIDTHxHEIGHT' (e.g., '1024x1024')."
        )
    width, height = _sides(match.group(1), match.group(2), 400)
    wanted = _whole(body.get("n", 1), "n", 1, MAX_IMAGES, 400)
    if body.get("response_format", "b64_json") not in ("b64_json", None):
        raise Refusal(400, "response_format must be b64_json")
    seed = _seed(body, prompt) + int.from_bytes(prose.digest(source)[:2], "big") * bool(source)
    data = [
        {"b64_json": _encoded(width, height, prompt, seed + index), "url": None, "revised_prompt": None}
        for index in range(wanted)
    ]
    return json_reply({"created": CREATED, "data": data}, text=Text(content=prompt))


def txt2img(call: Call) -> Answer:
    """A1111: `batch_size` times `n_iter` images, with what made them repeated beside."""
    body = call.json()
    prompt = _prompt(body, 422)
    width, height = _sides(body.get("width", 512), body.get("height", 512), 422)
    batch = _whole(body.get("batch_size", 1), "batch_size", 1, 8, 422)
    wanted = batch * _whole(body.get("n_iter", 1), "n_iter", 1, 8, 422)
    seed = _seed(body, prompt)
    images = [_encoded(width, height, prompt, seed + index) for index in range(wanted)]
    info = prose.json_text({"prompt": prompt, "seed": seed, "width": width, "height": height})
    return json_reply({"images": images, "parameters": body, "info": info}, text=Text(content=prompt))


def _encoded(width: int, height: int, prompt: str, seed: int) -> str:
    return base64.b64encode(png.draw(width, height, prompt, seed)).decode("ascii")


def _prompt(body: dict[str, Json], status: int) -> str:
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise Refusal(status, "prompt must be a string that is not empty")
    return without_magic(prompt)


def _sides(width: Json, height: Json, status: int) -> tuple[int, int]:
    return _whole(width, "width", 1, png.MAX_SIDE, status), _whole(height, "height", 1, png.MAX_SIDE, status)


def _seed(body: dict[str, Json], prompt: str) -> int:
    """The seed given, or one chosen by the prompt where it is absent or -1, A1111's "any"."""
    seed = body.get("seed")
    if isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0:
        return seed
    return int.from_bytes(prose.digest(prompt)[:4], "big")


def _whole(value: Json, name: str, lowest: int, highest: int, status: int) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise Refusal(status, f"{name} must be a whole number from {lowest} to {highest}")
    return value
