"""The JSON of the callback API: what comes in, and what goes out."""

from typing import Any

from rest_framework import serializers

from aio_platform.http.serializers import StrictSerializer, TextField
from gateway.webhooks_out.deliveries import STATES
from gateway.webhooks_out.signing_secrets import MAX_OVERLAP_S


class RotateSecretBody(StrictSerializer):
    overlap_s = serializers.IntegerField(
        required=False,
        default=MAX_OVERLAP_S,
        min_value=0,
        max_value=MAX_OVERLAP_S,
        help_text="Seconds that events carry the old secret's signature too; 0 ends all old secrets at once.",
    )


class SetEndpointBody(StrictSerializer):
    url = TextField(trim_whitespace=False)


class SecretBody(serializers.Serializer[Any]):
    object = serializers.CharField()
    secret = serializers.CharField(help_text="whsec_… as Standard Webhooks libraries take it")
    created_at = serializers.DateTimeField()
    previous_end_at = serializers.ListField(
        child=serializers.DateTimeField(), help_text="when the secrets before this one stop being signed with"
    )


class EndpointBody(serializers.Serializer[Any]):
    object = serializers.CharField()
    url = serializers.CharField(allow_null=True)
    is_enabled = serializers.BooleanField()
    updated_at = serializers.DateTimeField(allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.CharField(allow_null=True)


class DeliveryBody(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField()
    event_id = serializers.CharField(help_text="the webhook-id header, the same over all attempts")
    type = serializers.ChoiceField(choices=["task.succeeded", "task.failed"])
    task_id = serializers.CharField()
    target = serializers.ChoiceField(choices=["task", "endpoint"])
    url = serializers.CharField()
    status = serializers.ChoiceField(choices=STATES)
    attempt_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class AttemptBody(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    url = serializers.CharField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField(allow_null=True, help_text="null while it runs, or was cut short")
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    response = serializers.CharField(allow_null=True, help_text="the first kilobyte, of refusals only")


class DeliveryWithAttemptsBody(DeliveryBody):
    attempts = AttemptBody(many=True)


class DeliveryPage(serializers.Serializer[Any]):
    object = serializers.CharField()
    as_of = serializers.DateTimeField()
    data = DeliveryBody(many=True)  # type: ignore[assignment] # a serializer's own `data` is not asked for
    has_more = serializers.BooleanField()
    next = serializers.CharField(allow_null=True, help_text="give it as `after` for the page that follows")
