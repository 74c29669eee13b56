"""The adapters of asynchronous providers by the names that a catalog gives them, and what each can carry."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.adapters.tasks import fal, kie, kie_suno, replicate, wavespeed
from gateway.adapters.tasks.protocol import TaskAdapter

TASK_ADAPTER_TABLE: dict[str, TaskAdapter] = {
    "kie": kie,
    "kie_suno": kie_suno,
    "fal": fal,
    "replicate": replicate,
    "wavespeed": wavespeed,
}

# A market of models carries whatever is on it; Suno's protocol is for songs alone.
_EVERYTHING = frozenset(
    {
        "image_task",
        "video_task",
        "music_task",
        "speech_task",
        "remove_bg",
        "face_swap",
        "video_bg_remover",
    }
)
TASK_ENDPOINTS_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "kie": _EVERYTHING,
        "kie_suno": frozenset({"music_task"}),
        "fal": _EVERYTHING,
        "replicate": _EVERYTHING,
        "wavespeed": _EVERYTHING,
    }
)
