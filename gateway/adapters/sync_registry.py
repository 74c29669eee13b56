"""The adapters by the names that a catalog gives them, and which endpoints each can carry.

Chat has no entry in the table: it is carried by `gateway.calls.relay`'s own path, with `adapters.openai_chat`. Knows
nothing of the catalog, which knows this.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.adapters.protocol import Adapter
from gateway.adapters.sync import (
    a1111_txt2img,
    ace_step,
    faster_whisper,
    openai_embeddings,
    openai_images,
    openai_rerank,
    openai_transcription,
    openai_vision,
    passthrough_json,
    tei_embed,
    tei_rerank,
    tts_wrapper_speech,
    tts_wrapper_voices,
    vllm_omni_clone,
    vllm_omni_speech,
    vllm_omni_voices,
    whisper_asr,
)

ADAPTER_TABLE: dict[str, Adapter] = {
    "openai_embeddings": openai_embeddings,
    "tei_embed": tei_embed,
    "tei_rerank": tei_rerank,
    "openai_rerank": openai_rerank,
    "vllm_omni_speech": vllm_omni_speech,
    "vllm_omni_voices": vllm_omni_voices,
    "vllm_omni_clone": vllm_omni_clone,
    "tts_wrapper_speech": tts_wrapper_speech,
    "tts_wrapper_voices": tts_wrapper_voices,
    "openai_transcription": openai_transcription,
    "whisper_asr": whisper_asr,
    "faster_whisper": faster_whisper,
    "openai_vision": openai_vision,
    "openai_images": openai_images,
    "a1111_txt2img": a1111_txt2img,
    "ace_step": ace_step,
    "passthrough_json": passthrough_json,
}

ENDPOINTS_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "openai_chat": frozenset({"chat"}),
        "openai_embeddings": frozenset({"embeddings"}),
        "tei_embed": frozenset({"embeddings"}),
        "tei_rerank": frozenset({"rerank"}),
        "openai_rerank": frozenset({"rerank"}),
        "vllm_omni_speech": frozenset({"speech"}),
        "vllm_omni_voices": frozenset({"voices"}),
        "vllm_omni_clone": frozenset({"voice_clone"}),
        "tts_wrapper_speech": frozenset({"speech"}),
        "tts_wrapper_voices": frozenset({"voices"}),
        "openai_transcription": frozenset({"transcription"}),
        "whisper_asr": frozenset({"transcription"}),
        "faster_whisper": frozenset({"transcription"}),
        "openai_vision": frozenset({"vision"}),
        "openai_images": frozenset({"images"}),
        "a1111_txt2img": frozenset({"images"}),
        "ace_step": frozenset({"music"}),
        "passthrough_json": frozenset({"embeddings", "rerank", "speech", "voices", "images", "music"}),
    }
)
