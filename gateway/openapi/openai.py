"""OpenAI's endpoints beside chat in OpenAPI, made from the same contracts that validate their bodies."""

from gateway.contracts.embedding import OpenAIEmbeddingBody
from gateway.contracts.images import OpenAIImageBody
from gateway.contracts.rerank import OpenAIRerankBody
from gateway.contracts.speech import OpenAISpeechBody
from gateway.contracts.transcription import OpenAITranscriptionForm
from gateway.openapi.chat import array_of, titled
from gateway.openapi.endpoint_operations import (
    BINARY,
    NUMBERS,
    form_body,
    json_body,
    json_object,
    operation,
    sound,
)

_STRING = {"type": "string"}
_INTEGER = {"type": "integer"}
_NUMBER = {"type": "number"}


_TOKENS = titled("InputTokens", prompt_tokens=_INTEGER, total_tokens=_INTEGER)
_SEGMENT = titled(
    "TranscriptSegment", "id", "start", "end", id=_INTEGER, start=_NUMBER, end=_NUMBER, text=_STRING
)
_WORD = titled("TranscriptWord", word=_STRING, start=_NUMBER, end=_NUMBER)
# What is said beside `text` depends on `response_format`.
_TRANSCRIPT = (
    json_object(
        "Transcript",
        "task",
        "language",
        "duration",
        "segments",
        "words",
        "usage",
        text=_STRING,
        task=_STRING,
        language=_STRING,
        duration=_NUMBER,
        segments=array_of(_SEGMENT),
        words=array_of(_WORD),
        usage=titled("HeardSeconds", type=_STRING, seconds=_INTEGER),
    ),
    ("text/plain", _STRING),
    ("text/vtt", _STRING),
)
EMBEDDINGS = operation(
    "openai_create_embeddings",
    "Embeddings, as OpenAI's",
    json_body(OpenAIEmbeddingBody),
    json_object(
        "EmbeddingList",
        object=_STRING,
        data=array_of(
            titled("Embedding", object=_STRING, index=_INTEGER, embedding={"anyOf": [NUMBERS, _STRING]})
        ),
        model=_STRING,
        usage=_TOKENS,
    ),
)
RERANK = operation(
    "openai_rerank_documents",
    "Documents ranked by a query, as Jina's and Cohere's",
    json_body(OpenAIRerankBody),
    json_object(
        "Ranking",
        id=_STRING,
        model=_STRING,
        usage=_TOKENS,
        results=array_of(
            titled(
                "RankedDocument",
                "document",
                index=_INTEGER,
                relevance_score=_NUMBER,
                document=titled("DocumentText", text=_STRING),
            )
        ),
    ),
)
SPEECH = operation(
    "openai_create_speech",
    "Speech from a text, as OpenAI's",
    json_body(OpenAISpeechBody),
    *sound(),
    ("audio/pcm", BINARY),
)
IMAGES = operation(
    "openai_create_images",
    "Images from a description, as OpenAI's",
    json_body(OpenAIImageBody),
    json_object(
        "ImageList",
        created=_INTEGER,
        # `response_format` says which of the first two an image has.
        data=array_of(
            titled(
                "GeneratedImage",
                "b64_json",
                "url",
                "revised_prompt",
                b64_json=_STRING,
                url=_STRING,
                revised_prompt=_STRING,
            )
        ),
    ),
)
TRANSCRIPTIONS = operation(
    "openai_create_transcription",
    "Text from speech, as OpenAI's",
    form_body(OpenAITranscriptionForm, "file"),
    *_TRANSCRIPT,
)
TRANSLATIONS = operation(
    "openai_create_translation",
    "English text from speech, as OpenAI's",
    form_body(OpenAITranscriptionForm, "file"),
    *_TRANSCRIPT,
)
