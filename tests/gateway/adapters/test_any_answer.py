"""Whatever an upstream sends, an adapter answers or says what is wrong: never anything else.

An exception of another kind would be told as a bug of ours (500), where it is the upstream's (502).
"""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.protocol import AnswerRefused, MalformedAnswer, Received, UncountedAnswer, UpstreamFault
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.adapters.shared.requests import (
    EmbeddingRequest,
    ImageEditRequest,
    ImageRequest,
    ModerationRequest,
    MusicRequest,
    RerankRequest,
    SpeechRequest,
    TranscriptionRequest,
    VisionRequest,
    VoiceCloneRequest,
    VoicesRequest,
)
from gateway.media.sound_length import SoundLength
from tests.gateway.adapters.driving import MemoryUpload, WantsMore, drive

SOUND = MemoryUpload(b"RIFF\x00\x00\x00\x00WAVE")
CHAT = ChatRequest(
    {"model": "small", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
    50,
    stream=False,
    include_usage=False,
)
EMBEDDING, RERANK = EmbeddingRequest(["a", "b"]), RerankRequest("q", ["a", "b"])
REQUESTS: dict[str, list[Any]] = {
    "openai_chat": [CHAT],
    "anthropic_messages": [CHAT],
    "openai_responses": [CHAT],
    "gemini": [CHAT],
    "openai_embeddings": [EMBEDDING],
    "tei_embed": [EMBEDDING],
    "tei_rerank": [RERANK],
    "openai_rerank": [RERANK],
    "openai_moderations": [
        ModerationRequest(["a"]),
        ModerationRequest(parts=[{"type": "text", "text": "a"}]),
    ],
    "vllm_omni_speech": [SpeechRequest("hi")],
    "vllm_omni_voices": [VoicesRequest()],
    "vllm_omni_clone": [VoiceCloneRequest("hi", SOUND)],
    "tts_wrapper_speech": [SpeechRequest("hi")],
    "tts_wrapper_voices": [VoicesRequest()],
    "openai_transcription": [TranscriptionRequest(SOUND, SoundLength(None, SOUND.size_bytes))],
    "whisper_asr": [TranscriptionRequest(SOUND, SoundLength(None, SOUND.size_bytes))],
    "faster_whisper": [TranscriptionRequest(SOUND, SoundLength(None, SOUND.size_bytes))],
    "openai_vision": [VisionRequest(MemoryUpload(b"\x89PNG", "image/png"), "?")],
    "openai_images": [ImageRequest("x")],
    "openai_image_edits": [ImageEditRequest(ImageRequest("x"), [MemoryUpload(b"\x89PNG", "image/png")])],
    "a1111_txt2img": [ImageRequest("x")],
    "ace_step": [MusicRequest("x")],
    "passthrough_json": [
        EMBEDDING,
        RERANK,
        SpeechRequest("hi"),
        VoicesRequest(),
        ImageRequest("x"),
        MusicRequest("x"),
    ],
}
# The names that these protocols use, so that nonsense gets past the first look.
NAMES = st.sampled_from(
    """
    data embedding index usage prompt_tokens total_tokens completion_tokens results relevance_score score voices
    speakers name uploaded_voices text duration segments words end language seconds choices message content
    images b64_json task_id status result code error type error_type detail object file metas
    flagged categories category_scores category_applied_input_types violence
    candidates parts finishReason usageMetadata stop_reason output role id model type
    """.split()  # noqa: SIM905 - forty names read better as words
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "t1", "iVBORw0KGgo=", "422", "validation", "[]"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def test_every_adapter_is_tried() -> None:
    assert set(REQUESTS) == set(CALL_ADAPTERS)


@pytest.mark.parametrize("name", CALL_ADAPTERS)
@given(value=VALUES, tokens=st.sampled_from(["", "5", "-1", "٣", "9" * 5000]))
def test_nonsense_is_the_upstreams_fault(name: str, value: Any, tokens: str) -> None:
    received = Received("application/json", {"x-compute-tokens": tokens}, orjson.dumps(value))
    for request in REQUESTS[name]:
        check(name, request, received)


@given(poll=VALUES, song=VALUES)
def test_nonsense_in_a_poll_is_the_upstreams_fault(poll: Any, song: Any) -> None:
    submitted = {"code": 200, "data": {"task_id": "t1"}}
    finished = {
        "code": 200,
        "data": [{"task_id": "t1", "status": 1, "result": orjson.dumps([song]).decode()}],
    }
    for polled in (poll, finished):
        answers = [Received("application/json", {}, orjson.dumps(value)) for value in (submitted, polled)]
        check("ace_step", MusicRequest("x"), *answers)


def check(name: str, request: Any, *answers: Received) -> None:
    """The adapter answers with units that the books can hold, wants more, or says what is wrong."""
    try:
        answer, _, _ = drive(CALL_ADAPTERS[name], request, *answers)
    except (MalformedAnswer, UpstreamFault, AnswerRefused, WantsMore):
        return
    units, _ = answer.count() if isinstance(answer, UncountedAnswer) else (answer.units, answer.estimated)
    assert all(type(quantity) is int and 0 <= quantity < 2**63 for quantity in units)
