"""The JSON of the key API: what comes in, and what goes out. Types are checked here, rules in `keys.rules`."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.keys import rules
from accounts.models import ApiKey
from aio_platform.http.serializers import CreditsField, FlagField, StrictSerializer, TextField


class ScopesBody(StrictSerializer):
    """Where a key is limited to; null, or leaving it out, means everywhere."""

    endpoints = serializers.ListField(child=TextField(), required=False, allow_null=True, default=None)
    models = serializers.ListField(child=TextField(), required=False, allow_null=True, default=None)
    networks = serializers.ListField(child=TextField(), required=False, allow_null=True, default=None)


class IssueBody(StrictSerializer):
    """What a key is to be; null, or leaving a limit out, means none."""

    name = TextField()
    scopes = ScopesBody(required=False, allow_null=True, default=None)
    may_manage_keys = FlagField(required=False, default=False)
    cap_day = CreditsField(required=False, allow_null=True, default=None)
    cap_month = CreditsField(required=False, allow_null=True, default=None)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ChangeBody(StrictSerializer):
    """What is to change; null removes a limit, what is left out stays."""

    name = TextField(required=False)
    cap_day = CreditsField(required=False, allow_null=True)
    cap_month = CreditsField(required=False, allow_null=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class RotateBody(StrictSerializer):
    overlap_s = serializers.IntegerField(
        required=False,
        default=rules.DEFAULT_OVERLAP_S,
        min_value=0,
        max_value=rules.MAX_OVERLAP_S,
        help_text="Seconds that the old key keeps working; 0 revokes it at once.",
    )


class PageQuery(StrictSerializer):
    limit = serializers.IntegerField(required=False, default=20, min_value=1, max_value=100)
    after = TextField(required=False, default=None, help_text="`next` of the page before")


class KeyScopes(serializers.Serializer[ApiKey]):
    endpoints = serializers.ListField(
        child=serializers.CharField(), source="allowed_endpoints", allow_null=True
    )
    models = serializers.ListField(child=serializers.CharField(), source="allowed_models", allow_null=True)
    networks = serializers.ListField(
        child=serializers.CharField(), source="allowed_networks", allow_null=True
    )


STATUSES = ("live", "revoked", "expired")


class KeyBody(serializers.Serializer[ApiKey]):
    """An API key as people see it: never its text."""

    id = serializers.CharField(source="public_id")
    object = serializers.SerializerMethodField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    last_four = serializers.CharField()
    status = serializers.SerializerMethodField()
    scopes = KeyScopes(source="*")
    may_manage_keys = serializers.BooleanField()
    cap_day = CreditsField(source="cap_day_microcredits", allow_null=True)
    cap_month = CreditsField(source="cap_month_microcredits", allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    replaces = serializers.CharField(source="replaces.public_id", allow_null=True)
    issued_by = serializers.CharField(
        source="issued_by.public_id",
        allow_null=True,
        help_text="the key that issued it, whose caps its calls count against too; null where a member did",
    )

    @extend_schema_field({"type": "string", "const": "api_key"})
    def get_object(self, api_key: ApiKey) -> str:
        return "api_key"

    @extend_schema_field({"type": "string", "enum": list(STATUSES)})
    def get_status(self, api_key: ApiKey) -> str:
        if api_key.revoked_at is not None:
            return "revoked"
        return "live" if api_key.is_live(timezone.now()) else "expired"


class IssuedKeyBody(KeyBody):
    """A key just made, with its text: shown this once."""

    key = serializers.CharField()


class KeyPage(serializers.Serializer[Any]):
    object = serializers.CharField()
    data = KeyBody(many=True)  # type: ignore[assignment] # a serializer's own `data` is not asked for
    has_more = serializers.BooleanField()
    next = serializers.CharField(allow_null=True, help_text="give it as `after` for the next page")
