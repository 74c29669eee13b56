"""What a call would hold, asked before it is made: the endpoint's own reading of the body, its adapter's ceiling at
the model's rate, and nothing held."""

from dataclasses import dataclass
from typing import Any

import orjson
from asgiref.sync import async_to_sync

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.api.chat.views import ChatView
from gateway.catalog.routes import Catalog
from gateway.contracts.form import parse_form
from gateway.contracts.parsing import parse_body
from gateway.http.endpoint_view import JsonEndpointView
from gateway.http.form_view import FormEndpointView
from gateway.media.kinds import SAME_AS
from gateway.media.sound_length import SoundLength
from gateway.pages.workbench_endpoints import WorkbenchEndpoint
from gateway.task_models import read_task


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that the browser has and we have not: what it says of it. `audio_ms` is its length, where it can tell."""

    file_name: str
    content_type: str
    size_bytes: int
    audio_ms: int | None = None

    async def sound(self) -> tuple["GivenFile", SoundLength]:
        """As a ReceivedForm has it, but for what nobody has looked for in the file itself."""
        return self, SoundLength(self.audio_ms, self.size_bytes if self.audio_ms is None else self.audio_ms)

    async def image(self) -> "GivenFile":
        """As a ReceivedForm has it."""
        return self


def given_file(described: Any) -> GivenFile | None:
    """What the browser's script says of its file; None for none, InvalidRequest for what it never says."""
    if described is None:
        return None
    try:
        content_type = str(described["content_type"]).partition(";")[0].strip().lower()
        audio_ms = described.get("audio_ms")
        return GivenFile(
            str(described["name"]),
            SAME_AS.get(content_type, content_type),
            int(described["size_bytes"]),
            None if audio_ms is None else max(int(audio_ms), 0),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise InvalidRequest(gettext_noop("%(param)s: not a description of a file."), param="file") from None


def ceiling_microcredits(
    catalog: Catalog, endpoint: WorkbenchEndpoint, values: dict[str, Any], file: GivenFile | None
) -> int:
    """What the call would hold. Raises what the call itself would: InvalidRequest naming the field, UnknownModel."""
    model = values.get("model")
    if model is not None and not isinstance(model, str):
        raise InvalidRequest(gettext_noop("%(param)s: must be a model's name."), param="model")
    if endpoint.is_task:
        route = catalog.routes_for(endpoint.endpoint, model)[0]
        return route.rate.ceiling_microcredits(read_task(endpoint.endpoint, route.model, values).units)
    assert endpoint.view is not None
    view = endpoint.view()
    adapter_request = _to_request(view, values, file)
    route = catalog.routes_for(endpoint.endpoint, model)[0]
    return route.rate.ceiling_microcredits(CALL_ADAPTERS[route.adapter].ceiling(adapter_request, route))


def _to_request(view: Any, values: dict[str, Any], file: GivenFile | None) -> Any:
    """The body in the adapters' normal form, as the view makes it."""
    if isinstance(view, ChatView):
        body = orjson.dumps(values)
        contract, read = parse_body(view.contract, body, "")
        # Only the mount that streams by default looks at the request itself.
        return view.chat_request(contract, read, len(body), None)  # type: ignore[arg-type]
    if isinstance(view, JsonEndpointView):
        contract, _ = parse_body(view.contract, orjson.dumps(values), "")
        return view.to_request(contract)
    if isinstance(view, FormEndpointView):
        form = parse_form(view.contract, {name: [str(text)] for name, text in values.items()})
        if file is None:
            raise InvalidRequest(gettext_noop("%(param)s: this file is required."), param=view.file_field)
        return async_to_sync(view.to_request)(form, file)  # type: ignore[arg-type]
    return view.to_request()
