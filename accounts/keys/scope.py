"""The endpoints and models that a key may use, for lists of models. A call's own check is part of authorisation."""

from typing import NamedTuple

from accounts.models import ApiKey


class KeyScope(NamedTuple):
    """Endpoints and models by name; None is no limit."""

    endpoints: frozenset[str] | None
    models: frozenset[str] | None

    def allows(self, endpoint: str, model: str) -> bool:
        """Whether the scope has both the endpoint and the model."""
        return (self.endpoints is None or endpoint in self.endpoints) and (
            self.models is None or model in self.models
        )


def scope_of_key(digest: bytes) -> KeyScope:
    """The scope of the key with that digest; an empty one where there is no such key any more. Blocks for one query."""
    row = ApiKey.objects.filter(digest=digest).values_list("allowed_endpoints", "allowed_models").first()
    if row is None:
        return KeyScope(frozenset(), frozenset())
    endpoints, models = row
    return KeyScope(_names(endpoints), _names(models))


def _names(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)
