"""What the sandbox says: texts and JSON values that depend on their seed alone."""

from __future__ import annotations

import hashlib

import orjson

from gateway.sandbox.magic import without_magic
from gateway.sandbox.wire import Json

ECHO_CHARACTERS = 240
_SUBJECTS = ("The harbour", "A quiet river", "The old clock", "Our neighbour", "The north wind")
_VERBS = ("remembers", "carries", "repeats", "answers", "measures", "lights")
_OBJECTS = ("every small word", "the morning tide", "a borrowed lantern", "the long way home")
_ENDINGS = ("without hurry", "until the rain stops", "as it did before", "and keeps the count")


def digest(*parts: str | bytes) -> bytes:
    """Sixteen bytes that depend on all `parts` and nothing else."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        state.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
        state.update(b"\x00")
    return state.digest()


def sentence(seed: bytes) -> str:
    """One sentence chosen by the seed's first four bytes."""
    one, two, three, four = seed[:4]
    return (
        f"{_SUBJECTS[one % len(_SUBJECTS)]} {_VERBS[two % len(_VERBS)]} "
        f"{_OBJECTS[three % len(_OBJECTS)]} {_ENDINGS[four % len(_ENDINGS)]}."
    )


def echo(text: str, seed: bytes) -> str:
    """An answer that repeats `text` (its directives taken out, its length bounded) and adds a sentence."""
    said = without_magic(text)
    if len(said) > ECHO_CHARACTERS:
        said = said[:ECHO_CHARACTERS] + "…"
    return f"You said: {said}\n{sentence(seed)}" if said else sentence(seed)


def reasoning(text: str, seed: bytes) -> str:
    """The thinking shown before an answer."""
    return f"The user wrote {len(text)} characters. {sentence(seed[4:])} So an echo will do."


def value_for_schema(schema: Json, seed: bytes, depth: int = 0) -> Json:
    """A value that fits the usual parts of a JSON Schema, the same one for the same seed."""
    if not isinstance(schema, dict) or depth > 8:
        return sentence(seed)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][seed[0] % len(schema["enum"])]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return value_for_schema(schema[key][0], seed, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        properties = schema.get("properties") or {}
        return {
            name: value_for_schema(inner, digest(seed, name), depth + 1) for name, inner in properties.items()
        }
    if kind == "array":
        length = max(schema.get("minItems", 1), 1)
        return [
            value_for_schema(schema.get("items", {}), digest(seed, str(index)), depth + 1)
            for index in range(length)
        ]
    return _scalar(kind, schema, seed)


def _scalar(kind: str, schema: dict[str, Json], seed: bytes) -> Json:
    if kind == "integer":
        return max(int(schema.get("minimum", 0)), seed[0] % 100)
    if kind == "number":
        return max(float(schema.get("minimum", 0.0)), seed[0] / 4.0)
    if kind == "boolean":
        return bool(seed[0] % 2)
    if kind == "null":
        return None
    return sentence(seed)


def json_text(document: Json) -> str:
    """`document` as JSON text, the way a model would write it."""
    return orjson.dumps(document).decode("utf-8")
