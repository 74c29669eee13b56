"""OpenAI's endpoints beside chat in OpenAPI, made from the same contracts that validate their bodies."""

from typing import Any

from gateway.contracts.embedding import OpenAIEmbeddingBody
from gateway.contracts.images import OpenAIImageBody
from gateway.contracts.rerank import OpenAIRerankBody
from gateway.contracts.speech import OpenAISpeechBody
from gateway.contracts.transcription import OpenAITranscriptionForm
from gateway.endpoint_schema import BINARY, NUMBERS, form_body, json_body, json_object, operation, sound

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_OBJECTS = {"type": "array", "items": {"type": "object"}}


def _list_of(**properties: Any) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "object", "properties": properties, "required": list(properties)},
    }


_TOKENS = {"type": "object", "properties": {"prompt_tokens": _INTEGER, "total_tokens": _INTEGER}}
_TRANSCRIPT = (
    json_object(
        "text",
        text=_STRING,
        task=_STRING,
        language=_STRING,
        duration={"type": "number"},
        segments=_OBJECTS,
        words=_OBJECTS,
        usage={"type": "object"},
    ),
    ("text/plain", _STRING),
    ("text/vtt", _STRING),
)
EMBEDDINGS = operation(
    "openai_embeddings",
    "Embeddings, as OpenAI's",
    json_body(OpenAIEmbeddingBody),
    json_object(
        object=_STRING,
        data=_list_of(object=_STRING, index=_INTEGER, embedding={"oneOf": [NUMBERS, _STRING]}),
        model=_STRING,
        usage=_TOKENS,
    ),
)
RERANK = operation(
    "openai_rerank",
    "Documents ranked by a query, as Jina's and Cohere's",
    json_body(OpenAIRerankBody),
    json_object(
        id=_STRING,
        model=_STRING,
        usage=_TOKENS,
        results=_list_of(index=_INTEGER, relevance_score={"type": "number"}),
    ),
)
SPEECH = operation(
    "openai_speech",
    "Speech from a text, as OpenAI's",
    json_body(OpenAISpeechBody),
    *sound(),
    ("audio/pcm", BINARY),
)
IMAGES = operation(
    "openai_images",
    "Images from a description, as OpenAI's",
    json_body(OpenAIImageBody),
    json_object(created=_INTEGER, data=_list_of(b64_json=_STRING)),
)
TRANSCRIPTIONS = operation(
    "openai_transcriptions",
    "Text from speech, as OpenAI's",
    form_body(OpenAITranscriptionForm, "file"),
    *_TRANSCRIPT,
)
TRANSLATIONS = operation(
    "openai_translations",
    "English text from speech, as OpenAI's",
    form_body(OpenAITranscriptionForm, "file"),
    *_TRANSCRIPT,
)
