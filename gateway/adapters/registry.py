"""The adapters by the names that a catalog gives them, and which endpoints each can carry, as its module declares.

A module's last name is the adapter's. Those of ours are listed here, once; an operator's own stand in the setting
ADAPTER_MODULES, as dotted names. Knows nothing of the catalog, which knows this.
"""

from collections.abc import Collection, Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

from django.conf import settings

from gateway.adapters.chat import anthropic_messages, gemini, openai_chat, openai_responses
from gateway.adapters.protocol import Adapter
from gateway.adapters.sync import (
    a1111_txt2img,
    ace_step,
    faster_whisper,
    openai_embeddings,
    openai_image_edits,
    openai_images,
    openai_moderations,
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
from gateway.adapters.tasks import fal, kie, kie_suno, replicate, wavespeed
from gateway.adapters.tasks.protocol import TaskAdapter
from gateway.endpoints import ENDPOINTS

# Typed, so that mypy holds each module to its protocol.
_OUR_CALL_ADAPTERS: tuple[Adapter, ...] = (
    openai_chat,
    anthropic_messages,
    openai_responses,
    gemini,
    openai_embeddings,
    tei_embed,
    tei_rerank,
    openai_rerank,
    openai_moderations,
    vllm_omni_speech,
    vllm_omni_voices,
    vllm_omni_clone,
    tts_wrapper_speech,
    tts_wrapper_voices,
    openai_transcription,
    whisper_asr,
    faster_whisper,
    openai_vision,
    openai_images,
    openai_image_edits,
    a1111_txt2img,
    ace_step,
    passthrough_json,
)
_OUR_TASK_ADAPTERS: tuple[TaskAdapter, ...] = (kie, kie_suno, fal, replicate, wavespeed)


class BadAdapter(Exception):
    """A module that is named in ADAPTER_MODULES and is no adapter; the message begins with its name."""


def name_of(module: Any) -> str:
    """What a catalog calls the adapter."""
    return str(module.__name__).rpartition(".")[2]


def imported(dotted_name: str, taken: Collection[str]) -> ModuleType:
    """An operator's module.

    Raises BadAdapter where it cannot be imported, its name is taken, it lacks what its kind of adapter has, or it
    declares no endpoints or such as its kind does not serve.
    """
    try:
        module = import_module(dotted_name)
    except (ImportError, TypeError) as error:  # a TypeError for a name that begins with a dot
        raise BadAdapter(f"{dotted_name} cannot be imported: {error}") from error
    if name_of(module) in taken:
        raise BadAdapter(f"{dotted_name}: there is an adapter {name_of(module)} already")
    serves = getattr(module, "SERVES", None)
    if not isinstance(serves, frozenset) or not serves:
        raise BadAdapter(f"{dotted_name}: SERVES must be a frozenset of endpoints")
    kind = TaskAdapter if _is_of_tasks(module) else Adapter
    lacking = [name for name in vars(kind) if not name.startswith("_") and not hasattr(module, name)]
    if lacking:
        raise BadAdapter(f"{dotted_name}: {', '.join(lacking)} is missing")
    served = {each.name for each in ENDPOINTS if each.is_task is _is_of_tasks(module)}
    if serves - served:
        named = ", ".join(sorted(serves - served))
        kind_of_endpoint = "endpoint of tasks" if _is_of_tasks(module) else "endpoint that answers at once"
        raise BadAdapter(f"{dotted_name}: SERVES has {named}, which is no {kind_of_endpoint}")
    return module


def _is_of_tasks(module: ModuleType) -> bool:
    return hasattr(module, "submit")


def _with_operators_own() -> tuple[dict[str, Any], dict[str, Any]]:
    """The adapters of calls, and those of tasks."""
    calls = {name_of(module): module for module in _OUR_CALL_ADAPTERS}
    tasks = {name_of(module): module for module in _OUR_TASK_ADAPTERS}
    for dotted_name in settings.ADAPTER_MODULES:
        module = imported(dotted_name, calls.keys() | tasks.keys())
        (tasks if _is_of_tasks(module) else calls)[name_of(module)] = module
    return calls, tasks


try:
    _calls, _tasks = _with_operators_own()
except BadAdapter as error:
    raise SystemExit(f"AIO_ADAPTERS: {error}") from None
CALL_ADAPTERS: Mapping[str, Adapter] = MappingProxyType(_calls)
TASK_ADAPTERS: Mapping[str, TaskAdapter] = MappingProxyType(_tasks)
# The endpoints of each adapter.
SERVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {name: module.SERVES for name, module in CALL_ADAPTERS.items()}
    | {name: module.SERVES for name, module in TASK_ADAPTERS.items()}
)
