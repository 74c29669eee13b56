"""Tools that a provider runs, and bills in ways no rate here covers: left out where they are one offer among others.

Agents offer a search of the web beside their own tools with every call, and do their work without it. A call that
offers nothing else, or demands one, is for that tool alone: it is refused by its name. See ADR 30.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.shared.json_splice import spliced
from gateway.dialects.conversation import Conversation, NativeTool, OtherField
from gateway.dialects.dialect import bad_field

_TOOLS = "tools"


def without_hosted_tools(
    asked: Conversation, callers_own: frozenset[str], values: Mapping[str, Any], body: bytes
) -> tuple[bytes, tuple[str, ...]]:
    """Take the provider's tools out of `asked`; returns the body without them, and their paths.

    `callers_own` are the kinds that the caller runs, although the dialect has them. Raises InvalidRequest for a tool
    that cannot be left out.
    """
    hosted = [tool for tool in asked.tools if isinstance(tool, NativeTool) and tool.kind not in callers_own]
    if not hosted:
        return body, ()
    places = [_place_in(values, tool) for tool in hosted]
    if len(hosted) == len(asked.tools) or None in places or _is_demanded(asked, hosted):
        raise bad_field(hosted[0].path, _("is run by the provider, and not priced here. Leave it out"))
    asked.tools = [tool for tool in asked.tools if tool not in hosted]
    asked.other += [OtherField(tool.path, tool.values, is_harmless=True) for tool in hosted]
    kept = [tool for place, tool in enumerate(values[_TOOLS]) if place not in places]
    return spliced(body, {_TOOLS: orjson.dumps(kept)}), tuple(tool.path for tool in hosted)


def _place_in(values: Mapping[str, Any], tool: NativeTool) -> int | None:
    """Where in the body's list the tool stands; None where it shares its place with others."""
    name, place = tool.path.split(".")[:2]
    is_alone = name == _TOOLS and place.isdecimal() and values[_TOOLS][int(place)] == tool.values
    return int(place) if is_alone else None


def _is_demanded(asked: Conversation, hosted: list[NativeTool]) -> bool:
    """Whether the choice of tools names one of these; one that the inner form has no place for is set aside."""
    names = {tool.values.get("name") for tool in hosted}
    chosen = asked.tool_choice.names if asked.tool_choice is not None else ()
    return not names.isdisjoint(chosen) or any(field.path.startswith("tool_choice") for field in asked.other)
