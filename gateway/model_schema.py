"""The list of models in OpenAPI."""

from gateway.chat_schema import titled
from gateway.endpoint_schema import json_object, operation

_STRING = {"type": "string"}
_STRINGS = {"type": "array", "items": _STRING}
MODELS = operation(
    "",
    "List the models",
    None,
    json_object(
        "ModelList",
        object=_STRING,
        data={
            "type": "array",
            "items": titled(
                "Model",
                id=_STRING,
                object=_STRING,
                created={"type": "integer"},
                owned_by=_STRING,
                name=_STRING,
                endpoints=_STRINGS,
                aliases=_STRINGS,
            ),
        },
    ),
)
# Two mounts have it, each by an id of its own.
del MODELS["operation_id"]
