"""The list of models in OpenAPI."""

from gateway.openapi.chat import titled
from gateway.openapi.endpoint_operations import json_object, operation

_STRING = {"type": "string"}
_MAYBE_STRING = {"type": ["string", "null"]}
_MAYBE_NUMBER = {"type": ["integer", "null"]}
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
                context_length=_MAYBE_NUMBER,
                max_output_tokens=_MAYBE_NUMBER,
                architecture=titled(
                    "ModelArchitecture",
                    modality=_STRING,
                    input_modalities=_STRINGS,
                    output_modalities=_STRINGS,
                ),
                pricing=titled(
                    "ModelPricing",
                    currency={"type": "string", "enum": ["credits"]},
                    prompt=_MAYBE_STRING,
                    completion=_MAYBE_STRING,
                    rates={
                        "type": "object",
                        "description": "Endpoint to unit to price",
                        "additionalProperties": {
                            "type": "object",
                            "additionalProperties": titled(
                                "ModelPrice", credits=_STRING, per={"type": "integer"}
                            ),
                        },
                    },
                ),
            ),
        },
    ),
)
# Two mounts have it, each by an id of its own.
del MODELS["operation_id"]
