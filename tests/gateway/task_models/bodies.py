"""The least that each shipped model takes, and what becomes of a body."""

from __future__ import annotations

from typing import Any

import pytest

from aio_platform.errors import InvalidRequest
from gateway.endpoints import TASK_ENDPOINT_NAMES
from gateway.task_models import TaskParameters, read_task
from gateway.task_models.shipped import SHIPPED

ENDPOINT_OF = {slug: endpoint for endpoint in TASK_ENDPOINT_NAMES for slug in SHIPPED.slugs(endpoint)}
URL = "https://example.com/a.jpg"
LINE = {"text": "Hello"}
LEAST: dict[str, dict[str, Any]] = {
    "flux-2": {"prompt": "a fox"},
    "seedream-4-5": {"prompt": "a fox"},
    "gpt-image-1-5": {"prompt": "a fox"},
    "qwen-image": {"prompt": "a fox"},
    "kling-3": {"prompt": "a fox"},
    "seedance-1-5-pro": {"prompt": "a fox"},
    "pixverse-5-6": {"prompt": "a fox"},
    "suno": {"prompt": "la la la"},
    "minimax-music": {"prompt": "jazz"},
    "elevenlabs-v3": {"dialogue": [LINE]},
    "remove-bg": {"image": URL},
    "face-swap": {"image": URL, "face_image": URL},
    "bg-remover": {"video": URL},
}


def read(slug: str, /, **fields: Any) -> TaskParameters:
    """The least that the model takes, changed and added to; None takes a field away."""
    body = {"model": slug, **LEAST[slug], **fields}
    return read_task(ENDPOINT_OF[slug], slug, body)


def refusal(slug: str, /, **fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(slug, **fields)
    assert caught.value.status == 400
    return caught.value
