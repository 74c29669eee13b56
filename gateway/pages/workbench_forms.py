"""The workbench's forms: fields made from a contract's JSON schema, or from a task model's declaration. Pure.

What no field can hold is written in the form's JSON; `only_in_json` says what that may be.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.openapi.schemas import json_body
from gateway.pages.workbench_endpoints import WorkbenchEndpoint
from gateway.task_models import describe

MODEL = "model"
# A text that may be longer than this gets more than one line.
ONE_LINE = 250
# Written at length, though their contracts set them no limit, and do not call them required: they have two names.
LONG_TEXTS = ("input", "prompt")
_PLAIN = {"string": "text", "integer": "integer", "number": "number", "boolean": "flag"}
_DECLARED = {
    "text": "text",
    "choice": "choice",
    "number": "number",
    "integer": "integer",
    "flag": "flag",
    "url": "url",
    "urls": "lines",
    "dialogue": "dialogue",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what it is called, how it is entered (`kind`), and its limits as the API has them.

    kinds: text, multiline, url, integer, number, flag, choice, lines (a list, one a line), messages and dialogue
    (lists of objects with a text and a choice: `choices`), file.
    """

    name: str
    kind: str
    required: bool = False
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    max_items: int | None = None
    choices: tuple[Any, ...] = ()
    doc: str = ""
    changes_price: bool = False
    is_main: bool = False
    initial: Any = None

    @property
    def choice_type(self) -> str:
        """What a choice's text is read back as."""
        return "number" if self.choices and not isinstance(self.choices[0], str) else "text"

    @property
    def default_text(self) -> str:
        """The default as people read it; empty where there is none."""
        if self.default is None or self.default == []:
            return ""
        return self.default if isinstance(self.default, str) else json.dumps(self.default, ensure_ascii=False)

    @property
    def initial_text(self) -> str:
        """What the field holds before anybody wrote into it."""
        if self.initial is None:
            return ""
        if self.kind == "lines":
            return "\n".join(self.initial)
        return self.initial if isinstance(self.initial, str) else json.dumps(self.initial, ensure_ascii=False)

    @property
    def initial_rows(self) -> list[dict[str, Any]]:
        """The rows of a list of objects."""
        return self.initial or [{}]


@dataclass(frozen=True, slots=True)
class Form:
    """Fields in their order; `only_in_json` are names that the body may have beside them."""

    main: list[Field]
    more: list[Field]
    only_in_json: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    @property
    def fields(self) -> list[Field]:
        return [*self.main, *self.more]


def form_of(endpoint: WorkbenchEndpoint, model: str, example: Mapping[str, Any]) -> Form:
    """The endpoint's form for that model, filled in with the example's values."""
    if not endpoint.has_body:
        return Form([], [])
    found = _of_declaration(model) if endpoint.is_task else _of_contract(endpoint)
    fields = [replace(each, initial=example.get(each.name)) for each in found.fields]
    if endpoint.file_field:
        fields.insert(0, Field(endpoint.file_field, "file", required=True, is_main=True))
    return replace(
        found,
        main=[each for each in fields if each.is_main],
        more=[each for each in fields if not each.is_main],
    )


def _of_contract(endpoint: WorkbenchEndpoint) -> Form:
    assert endpoint.view is not None
    contract: Any = getattr(endpoint.view(), "contract", None)
    schema: Mapping[str, Any] = json_body(contract)["application/json"]
    required = schema.get("required", ())
    fields, only_in_json = {}, []
    for name, node in schema["properties"].items():
        if name == MODEL or name in endpoint.other_names:
            continue
        made = _of_schema(name, node, name in required, name in endpoint.main)
        if made is None:
            only_in_json.append(name)
        else:
            fields[name] = made
    ordered = [fields[name] for name in endpoint.main] + [
        made for name, made in fields.items() if name not in endpoint.main
    ]
    return Form(ordered, [], only_in_json)


def _of_schema(name: str, node: Mapping[str, Any], required: bool, is_main: bool) -> Field | None:
    """The field of one property; None for what a form cannot hold."""
    branches = [branch for branch in node.get("anyOf", [node]) if branch.get("type") != "null"]
    if len(branches) != 1:
        return None
    [branch] = branches
    common = {
        "required": required,
        "default": node.get("default"),
        "doc": node.get("description", branch.get("description", "")),
        "is_main": is_main,
    }
    if "enum" in branch:
        return Field(name, "choice", choices=tuple(branch["enum"]), **common)
    if branch.get("type") == "array":
        return _of_array(name, branch, common)
    kind = _PLAIN.get(branch.get("type", ""))
    if kind is None:
        return None
    longest = branch.get("maxLength")
    if kind == "text" and (required or name in LONG_TEXTS or (longest or 0) > ONE_LINE):
        kind = "multiline"
    return Field(
        name,
        kind,
        minimum=_limit_of(branch, "minimum", "exclusiveMinimum", 1),
        maximum=_limit_of(branch, "maximum", "exclusiveMaximum", -1),
        max_length=longest,
        **common,
    )


def _of_array(name: str, branch: Mapping[str, Any], common: dict[str, Any]) -> Field | None:
    items = branch.get("items", {})
    if items.get("type") == "string" and "enum" not in items:
        return Field(name, "lines", max_items=branch.get("maxItems"), **common)
    role = items.get("properties", {}).get("role", {})
    if "enum" in role:
        return Field(name, "messages", choices=tuple(role["enum"]), **common)
    return None


def _limit_of(branch: Mapping[str, Any], inclusive: str, exclusive: str, step: int) -> float | None:
    """A limit as HTML has it, which includes its bound; only whole numbers have exclusive ones here."""
    if inclusive in branch:
        return branch[inclusive]
    return branch[exclusive] + step if exclusive in branch else None


def _of_declaration(model: str) -> Form:
    described = describe(model)
    fields = [_of_parameter(parameter) for parameter in described["parameters"]]
    # callback_url is the platform's own, of every task.
    fields.append(Field("callback_url", "url"))
    return Form(fields, [], rules=described["rules"])


def _of_parameter(given: Mapping[str, Any]) -> Field:
    kind = _DECLARED[given["type"]]
    choices = given.get("choices") or given.get("allowed") or given.get("snaps") or ()
    longest = given.get("max_length")
    if kind == "text" and (longest or 0) > ONE_LINE:
        kind = "multiline"
    if kind in ("integer", "number") and choices:
        kind = "choice"
    if kind == "dialogue":
        choices = [*given["voices"], *given.get("voice_aliases", ())]
    return Field(
        given["name"],
        kind,
        required=given["required"],
        default=given["default"],
        minimum=given.get("minimum"),
        maximum=given.get("maximum"),
        max_length=longest,
        max_items=given.get("max_items"),
        choices=tuple(choices),
        doc=given["doc"],
        changes_price=given["changes_price"],
        is_main=given["required"] or given["changes_price"] or kind in ("multiline", "url", "lines"),
    )
