"""One example of every endpoint's request, for the OpenAPI document and its code samples.

Where the two public documents have an example, it is theirs. The files are what other examples here make: the
speech of `/api/tts`, the image of `/api/t2i`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REQUEST_ID = "req_01a200b4d7747511a7bd81dd7e0e0ff6"
KEY_ID = "key_2f9c1b7e4a6d"
TASK_ID = "n41xxxx_flux2"
SPEECH_FILE = "speech.wav"
IMAGE_FILE = "image.png"


@dataclass(frozen=True)
class Example:
    """A request: JSON, or a form's fields with its files by field; and what to keep a binary answer as."""

    json: Mapping[str, Any] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    save_as: str | None = None


def _asking(text: str, **more: Any) -> Example:
    return Example({"model": "gemini", "messages": [{"role": "user", "content": text}], **more})


EXAMPLES: dict[tuple[str, str], Example] = {
    # Omakase
    ("post", "/api/chat"): Example({"input": "Question or instruction", "temperature": 0.1}),
    ("post", "/llm/v1/chat/completions"): Example(
        {"input": "Summarize this incident report and suggest next actions.", "temperature": 0.1}
    ),
    ("post", "/api/embedding"): Example({"input": "Text to embed", "input_type": "string"}),
    ("post", "/api/rerank"): Example(
        {"query": "Search query", "input": ["Candidate passage 1", "Candidate passage 2"]}
    ),
    ("post", "/api/tts"): Example(
        {"text": "Text to read", "language": "english", "speaker": "ryan"}, save_as=SPEECH_FILE
    ),
    ("post", "/api/stt"): Example(fields={"language": "en"}, files={"file": SPEECH_FILE}),
    ("post", "/api/voice-clone"): Example(
        fields={"text": "Text to speak", "language": "English"},
        files={"ref_audio": SPEECH_FILE},
        save_as="clone.wav",
    ),
    ("post", "/api/image2text"): Example(
        fields={"prompt": "What does the sign say?", "temperature": "0.1"}, files={"image": IMAGE_FILE}
    ),
    ("post", "/api/t2m"): Example(
        {"prompt": "Upbeat jazz with piano and saxophone, 120bpm", "audio_duration": 10}, save_as="music.wav"
    ),
    ("post", "/api/t2i"): Example(
        {
            "prompt": "A serene mountain landscape at sunset, photorealistic",
            "negative_prompt": "low quality, blurry",
            "width": 1024,
            "height": 1024,
            "num_inference_steps": 50,
        },
        save_as=IMAGE_FILE,
    ),
    # API in One
    ("post", "/api/v1/chat/completions"): _asking("Hello!", stream=False),
    ("post", "/api/v1/images/generations"): Example(
        {
            "model": "flux-2",
            "prompt": "A serene Japanese garden with cherry blossoms",
            "aspect_ratio": "16:9",
            "type": "pro",
            "resolution": "1K",
        }
    ),
    ("post", "/api/v1/videos/generations"): Example(
        {
            "model": "kling-3",
            "prompt": "A golden retriever running through sunflowers at sunset",
            "mode": "std",
            "duration": 5,
            "aspect_ratio": "16:9",
            "sound": True,
        }
    ),
    ("post", "/api/v1/audio/music"): Example(
        {
            "model": "suno",
            "prompt": "Verse 1: Walking down the street\nChorus: Summer dreams",
            "style": "pop, upbeat, electronic",
            "title": "Summer Dreams",
            "make_instrumental": False,
        }
    ),
    ("post", "/api/v1/audio/speech"): Example(
        {
            "model": "elevenlabs-v3",
            "dialogue": [
                {"text": "Hello, welcome to API in One.", "voice": "narrator"},
                {"text": "Thank you! Tell me more.", "voice": "user"},
            ],
            "stability": 0.5,
            "language_code": "auto",
        }
    ),
    ("post", "/api/v1/images/tools/remove-bg"): Example({"image": "https://example.com/photo.jpg"}),
    ("post", "/api/v1/images/tools/face-swap"): Example(
        {"image": "https://example.com/scene.jpg", "face_image": "https://example.com/face.jpg"}
    ),
    ("post", "/api/v1/videos/tools/bg-remover"): Example({"video": "https://example.com/talking-head.mp4"}),
    # OpenAI
    ("post", "/v1/chat/completions"): _asking("Hello!"),
    ("post", "/v1/embeddings"): Example({"model": "qwen3-embedding", "input": ["Text to embed"]}),
    ("post", "/v1/rerank"): Example(
        {
            "model": "jina-reranker",
            "query": "Search query",
            "documents": ["Candidate passage 1", "Candidate passage 2"],
        }
    ),
    ("post", "/v1/images/generations"): Example(
        {"model": "qwen-image", "prompt": "An orange cat on a roof", "size": "1024x1024"}
    ),
    ("post", "/v1/audio/speech"): Example(
        {"model": "tts-1", "input": "Text to read", "voice": "alloy", "response_format": "wav"},
        save_as=SPEECH_FILE,
    ),
    ("post", "/v1/audio/transcriptions"): Example(fields={"model": "whisper-1"}, files={"file": SPEECH_FILE}),
    ("post", "/v1/audio/translations"): Example(fields={"model": "whisper-1"}, files={"file": SPEECH_FILE}),
    # The account itself
    ("post", "/api/v1/keys"): Example({"name": "production", "cap_month": "500"}),
    ("patch", "/api/v1/keys/{key_id}"): Example({"name": "production, Seoul", "cap_day": "25"}),
    ("post", "/api/v1/keys/{key_id}/rotate"): Example({"overlap_s": 3600}),
    ("get", "/api/v1/usage/export.csv"): Example(save_as="usage.csv"),
    ("put", "/api/v1/callbacks/endpoint"): Example({"url": "https://example.com/hooks/aio"}),
    ("post", "/api/v1/callbacks/secret"): Example({"overlap_s": 3600}),
}
# What stands for the variables of paths.
PATH_EXAMPLES = {"request_id": REQUEST_ID, "key_id": KEY_ID, "task_id": TASK_ID}
