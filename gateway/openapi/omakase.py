"""Omakase's endpoints in OpenAPI, made from the same contracts that validate their bodies."""

from gateway.contracts.embedding import TextEmbeddingBody
from gateway.contracts.images import TextToImageBody
from gateway.contracts.music import TextToMusicBody
from gateway.contracts.rerank import PassageRerankBody
from gateway.contracts.speech import SpokenTextBody, VoiceCloneForm
from gateway.contracts.transcription import SpeechToTextForm
from gateway.contracts.vision import ImageToTextForm
from gateway.openapi.endpoint_operations import (
    ANY_JSON,
    BINARY,
    NUMBERS,
    form_body,
    json_body,
    json_object,
    operation,
    sound,
)

EMBEDDING = operation(
    "embed_text",
    "Embedding of a text; `text` may stand for `input`",
    json_body(TextEmbeddingBody),
    json_object("EmbeddedText", embeddingVector=NUMBERS),
)
RERANK = operation(
    "rerank_passages",
    "Passages ranked by a query; the upstream's answer as it is",
    json_body(PassageRerankBody),
    ANY_JSON,
)
SPEECH = operation("synthesize_speech", "Speech from a text", json_body(SpokenTextBody), *sound())
SPEAKERS = operation("list_speakers", "Who can speak; the upstream's answer as it is", None, ANY_JSON)
SPEECH_TO_TEXT = operation(
    "transcribe_speech",
    "Text from speech; the upstream's answer as it is",
    form_body(SpeechToTextForm, "file"),
    ANY_JSON,
)
VOICE_CLONE = operation(
    "clone_voice",
    "Speech in the voice of a sample; X-Voice-Clone-Fallback says where `ref_text` was missing",
    form_body(VoiceCloneForm, "ref_audio"),
    *sound(),
)
IMAGE_TO_TEXT = operation(
    "describe_image",
    "What an image shows and says",
    form_body(ImageToTextForm, "image"),
    json_object("ImageText", text={"type": "string"}),
)
MUSIC = operation("generate_music", "Music from a description", json_body(TextToMusicBody), *sound())
IMAGE = operation(
    "generate_image", "An image from a description", json_body(TextToImageBody), ("image/png", BINARY)
)
