"""`list_adapters`: the protocols that a route may name for each endpoint, an operator's own among them."""

from typing import Any

from aio_platform.command import Answer, ScriptableCommand
from aio_platform.terminal.text_table import aligned
from gateway.adapters.registry import CALL_ADAPTERS, TASK_ADAPTERS
from gateway.endpoints import ENDPOINTS


class Command(ScriptableCommand):
    help = "List the adapters that serve each endpoint, with the protocol that each speaks."

    def perform(self, options: dict[str, Any]) -> Answer:
        adapters: dict[str, Any] = {**CALL_ADAPTERS, **TASK_ADAPTERS}
        serving = {
            each.name: {
                name: _protocol_of(module) for name, module in adapters.items() if each.name in module.SERVES
            }
            for each in ENDPOINTS
        }
        lines = [
            [endpoint, name, protocol]
            for endpoint, found in serving.items()
            for name, protocol in found.items()
        ]
        return Answer(text=aligned([["endpoint", "adapter", "protocol"], *lines], 3), data=serving)


def _protocol_of(adapter: Any) -> str:
    """The first line of what the adapter's module says of itself."""
    return (adapter.__doc__ or "").partition("\n")[0]
