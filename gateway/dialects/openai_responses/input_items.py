"""The `input` of a request: a text or a list of items, read into messages.

What a model answered comes as several items in a row; together they are one message of its, as in other dialects. So
are the results of the tools that it called.
"""

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.dialects.conversation import (
    DialectName,
    Message,
    Native,
    NativeTool,
    Part,
    Reasoning,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from gateway.dialects.dialect import bad_field
from gateway.dialects.openai_responses.carried import CarriedSecrets, unseal
from gateway.dialects.openai_responses.fields import Fields
from gateway.dialects.openai_responses.parts import MOST_PARTS, read_content, read_output
from gateway.dialects.openai_responses.tool_definitions import read_tools

MOST_ITEMS = 10_000
_ROLES = {
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
}
_STATUSES = ("in_progress", "completed", "incomplete")
_HERE = DialectName.OPENAI_RESPONSES


def read_input(body: Fields) -> tuple[list[Message], list[Tool | NativeTool]]:
    """What was said so far, and the tools that came with it. Raises InvalidRequest."""
    given = body.values.get("input")
    if given is None:
        raise bad_field("input", _("this field is required"))
    if isinstance(given, str):
        if not given:
            raise bad_field("input", _("must not be empty"))
        return [Message(Role.USER, [Text(given, path="input")], path="input")], []
    if not isinstance(given, list):
        raise bad_field("input", _("expected a string or a list"))
    if not given:
        raise bad_field("input", _("must not be empty"))
    items = _Items()
    for item in body.objects("input", MOST_ITEMS):
        items.read(item)
    return items.messages, items.tools


class _Items:
    """The messages that the items read so far make up."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        # Offered from there on; where no dialect but this one has such an item, from the beginning.
        self.tools: list[Tool | NativeTool] = []
        # Whether the last message goes on with the next item of its role, and what a signature may be put on there.
        self._is_open = False
        self._signable: dict[str | None, ToolCall | Text] = {}

    def read(self, item: Fields) -> None:
        """Raises InvalidRequest."""
        match _kind_of(item):
            case "message":
                self._read_message(item)
            case "function_call":
                self._add(Role.ASSISTANT, _read_call(item, "arguments"), item)
            case "custom_tool_call":
                self._add(Role.ASSISTANT, _read_call(item, "input"), item)
            case "function_call_output" | "custom_tool_call_output" as kind:
                self._add(Role.USER, _read_result(item, freeform=kind == "custom_tool_call_output"), item)
            case "reasoning":
                self._read_reasoning(item)
            case "additional_tools":
                item.set_aside_unknown(("type", "id", "role", "tools"))
                self.tools += read_tools(item)
            case "item_reference":
                raise bad_field(item.path, _("nothing is stored here: give the item itself"))
            case kind:
                native = Native(_HERE, item.values, path=item.path)
                self._add(Role.USER if _is_given_to_model(kind) else Role.ASSISTANT, native, item)

    def _read_message(self, item: Fields) -> None:
        role_name = item.choice("role", _ROLES)
        if role_name is None:
            raise bad_field(item.at("role"), _("this field is required"))
        role = _ROLES[role_name]
        item.choice("status", _STATUSES)
        item.set_aside_unknown(("type", "role", "content", "id", "status", "phase"))
        # It labels an answer for OpenAI's own models.
        item.set_aside("phase", harmless=True)
        parts = read_content(item, role)
        if role is Role.ASSISTANT:
            self._open(role, item.path).parts.extend(parts)
            for part in parts:
                if isinstance(part, Text):
                    self._signable[None] = part
        else:
            self.messages.append(Message(role, parts, path=item.path))
            self._is_open = False

    def _read_reasoning(self, item: Fields) -> None:
        summary = _texts(item, "summary", ("summary_text",))
        content = _texts(item, "content", ("reasoning_text", "text"))
        encrypted, item_id = item.text("encrypted_content"), item.text("id")
        item.set_aside_unknown(("type", "id", "summary", "content", "encrypted_content", "status"))
        carried = unseal(encrypted)
        text = join_thoughts(content)
        if carried is None:
            made_by = None if encrypted is None else _HERE
            thought = Reasoning(text, summary, None, encrypted, item_id, made_by, path=item.path)
        elif carried.is_of_a_part:
            self._sign(carried)
            return
        else:
            thought = Reasoning(
                carried.text or text,
                summary[1:] if carried.is_shown else summary,
                carried.signature,
                carried.encrypted,
                made_by=carried.made_by,
                path=item.path,
            )
        self._add(Role.ASSISTANT, thought, item)

    def _sign(self, carried: CarriedSecrets) -> None:
        """Put a signature back where another dialect's answer had it; one of a part that is gone goes with it."""
        signed = (
            self._signable.get(None if carried.is_of_text else carried.call_id) if self._is_open else None
        )
        if signed is not None:
            signed.signature = carried.signature

    def _add(self, role: Role, part: Part, item: Fields) -> None:
        self._open(role, item.path).parts.append(part)
        if isinstance(part, ToolCall):
            self._signable[part.id] = part

    def _open(self, role: Role, path: str) -> Message:
        """The message that an item of this role goes into."""
        if not (self._is_open and self.messages[-1].role is role):
            self.messages.append(Message(role, [], path=path))
            self._is_open = True
            self._signable = {}
        return self.messages[-1]


def join_thoughts(texts: list[str]) -> str:
    """Several pieces of a thought as one text."""
    return "\n\n".join(texts)


def _kind_of(item: Fields) -> str:
    kind = item.text("type")
    if kind is not None:
        return kind
    if "role" in item.values:
        return "message"
    if "id" in item.values:
        return "item_reference"
    raise bad_field(item.at("type"), _("this field is required"))


def _is_given_to_model(kind: str) -> bool:
    """Whether an item of a hosted tool is said to the model, and not by it."""
    return kind.endswith("_output") or kind in (
        "mcp_approval_response",
        "compaction_trigger",
    )


def _read_call(item: Fields, arguments: str) -> ToolCall:
    item.set_aside_unknown(("type", "id", "call_id", "name", arguments, "namespace", "status", "caller"))
    _set_caller_aside(item)
    return ToolCall(
        id=item.name("call_id"),
        name=item.name("name"),
        arguments=item.required_text(arguments),
        freeform=arguments == "input",
        namespace=item.text("namespace") or None,
        item_id=item.text("id"),
        path=item.path,
    )


def _read_result(item: Fields, *, freeform: bool) -> ToolResult:
    item.set_aside_unknown(("type", "id", "call_id", "output", "name", "namespace", "status", "caller"))
    _set_caller_aside(item)
    return ToolResult(
        call_id=item.name("call_id"),
        parts=read_output(item),
        name=item.text("name") or None,
        freeform=freeform,
        path=item.path,
    )


def _set_caller_aside(item: Fields) -> None:
    """A call that a program made, and no model, can be told to OpenAI alone."""
    item.set_aside("caller", harmless=False, nothing=({"type": "direct"},))


def _texts(item: Fields, name: str, kinds: tuple[str, ...]) -> list[str]:
    texts = []
    for piece in item.objects(name, MOST_PARTS):
        piece.choice("type", kinds)
        texts.append(piece.required_text("text"))
    return texts
