"""What every API's serializers share: strict bodies, fields that take no look-alikes, and the body of an error."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from aio_platform.credits import format_credits, parse_credits

_CREDITS_LENGTH = 40  # more digits than any amount has


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know, so that a misspelt limit is never taken for no limit.

    Null for a field with a default that is not null stands for that default.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            for name in data:
                if name not in self.fields:
                    raise serializers.ValidationError({name[:100]: ["There is no field of this name."]})
            data = {
                name: value
                for name, value in data.items()
                if value is not None or not self._means_default(name)
            }
        return super().to_internal_value(data)

    def _means_default(self, name: str) -> bool:
        field = self.fields[name]
        return not field.allow_null and field.default is not serializers.empty


def validated(body: type[StrictSerializer], data: dict[str, Any]) -> dict[str, Any]:
    """The fields of `data` as `body` reads them, with its defaults.

    Raises REST framework's ValidationError, which is answered as 400 and names the field.
    """
    serializer = body(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class TextField(serializers.CharField):
    """A JSON string; numbers are not taken for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.BOOL)
class FlagField(serializers.Field[bool, Any, bool, Any]):
    """JSON's true or false; "on" and 1 are not taken for one."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return bool(data)

    def to_representation(self, value: bool) -> bool:
        return value


@extend_schema_field(
    {
        "oneOf": [{"type": "string"}, {"type": "number"}],
        "description": "Credits, with at most six decimals. Answers give a decimal string.",
        "examples": ["2.5"],
    }
)
class CreditsField(serializers.Field[int, Any, str, Any]):
    """Micro-credits inside, a decimal of credits outside; takes a string or a number."""

    default_error_messages = {"invalid": "Must be a number of credits, as a decimal string or a number."}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, (str, int, float)):
            self.fail("invalid")
        text = str(data)
        if len(text) > _CREDITS_LENGTH or not text.isascii() or "_" in text:
            self.fail("invalid")
        try:
            return parse_credits(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None

    def to_representation(self, value: int) -> str:
        return format_credits(value)


# What every refusal of the account's own API looks like. No docstrings: the OpenAPI document would show them.
class ErrorDetail(serializers.Serializer[Any]):
    code = serializers.IntegerField()
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    request_id = serializers.CharField()


class ErrorBody(serializers.Serializer[Any]):
    error = ErrorDetail()
