"""The endpoints of generation by task. Some answer a body with OpenAI's own fields at once, as OpenAI does."""

from collections.abc import Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.api.images import OpenAIImageView
from gateway.api.new_tasks import NewTaskView
from gateway.api.speech import OpenAISpeechView
from gateway.http.endpoint_view import JsonEndpointView
from gateway.openapi.presentation import DocsPage, Example


class ImageTaskView(NewTaskView):
    """POST /api/v1/images/generations: a task, or OpenAI's answer to a body with OpenAI's own fields."""

    endpoint = "image_task"
    example = Example(
        {
            "model": "flux-2",
            "prompt": "A serene Japanese garden with cherry blossoms",
            "aspect_ratio": "16:9",
            "type": "pro",
            "resolution": "1K",
        }
    )
    docs_page = DocsPage(
        "images-generations",
        _("Image generation"),
        _("Generates images. Returns a task_id to poll."),
        place=1,
    )

    def synchronous_view(self, values: Mapping[str, Any]) -> "JsonEndpointView[Any] | None":
        is_openai = any(values.get(name) is not None for name in ("n", "size", "response_format"))
        return OpenAIImageView() if is_openai else None


class SpeechTaskView(NewTaskView):
    """POST /api/v1/audio/speech: a task, or OpenAI's answer to `input` and `voice`."""

    endpoint = "speech_task"
    example = Example(
        {
            "model": "elevenlabs-v3",
            "dialogue": [
                {"text": "Hello, welcome to API in One.", "voice": "narrator"},
                {"text": "Thank you! Tell me more.", "voice": "user"},
            ],
            "stability": 0.5,
            "language_code": "auto",
        }
    )
    docs_page = DocsPage(
        "audio-speech",
        _("Dialogue speech"),
        _("Speaks a dialogue with several voices. Returns a task_id to poll."),
        place=4,
    )

    def synchronous_view(self, values: Mapping[str, Any]) -> "JsonEndpointView[Any] | None":
        is_openai = values.get("input") is not None and values.get("voice") is not None
        return OpenAISpeechView() if is_openai else None


# What the document says of these is what it says of every task: the docstring that they inherit.
class VideoTaskView(NewTaskView):
    endpoint = "video_task"
    example = Example(
        {
            "model": "kling-3",
            "prompt": "A golden retriever running through sunflowers at sunset",
            "mode": "std",
            "duration": 5,
            "aspect_ratio": "16:9",
            "sound": True,
        }
    )
    docs_page = DocsPage(
        "videos-generations",
        _("Video generation"),
        _("Generates videos from text or images. Returns a task_id to poll."),
        place=2,
    )


class MusicTaskView(NewTaskView):
    endpoint = "music_task"
    example = Example(
        {
            "model": "suno",
            "prompt": "Verse 1: Walking down the street\nChorus: Summer dreams",
            "style": "pop, upbeat, electronic",
            "title": "Summer Dreams",
            "make_instrumental": False,
        }
    )
    docs_page = DocsPage(
        "audio-music",
        _("Music generation"),
        _("Generates songs from a description, or from lyrics and a style. Returns a task_id to poll."),
        place=3,
    )


class RemoveBackgroundView(NewTaskView):
    endpoint = "remove_bg"
    example = Example({"image": "https://example.com/photo.jpg"})
    docs_page = DocsPage(
        "remove-bg",
        _("Background removal"),
        _("Removes an image's background. Returns a task_id to poll."),
        place=6,
    )


class FaceSwapView(NewTaskView):
    endpoint = "face_swap"
    example = Example(
        {"image": "https://example.com/scene.jpg", "face_image": "https://example.com/face.jpg"}
    )
    docs_page = DocsPage(
        "face-swap", _("Face swap"), _("Puts a face into another image. Returns a task_id to poll."), place=7
    )


class RemoveVideoBackgroundView(NewTaskView):
    endpoint = "video_bg_remover"
    example = Example({"video": "https://example.com/talking-head.mp4"})
    docs_page = DocsPage(
        "bg-remover",
        _("Video background removal"),
        _("Removes or replaces a video's background. Returns a task_id to poll."),
        place=8,
    )
