"""What a key is limited to, for those who list what it may call; whether a call is allowed is decided with its hold."""

from typing import NamedTuple

from accounts.models import ApiKey


class KeyScope(NamedTuple):
    """Endpoints and models by name; None is no limit."""

    endpoints: frozenset[str] | None
    models: frozenset[str] | None

    def allows(self, endpoint: str, model: str) -> bool:
        """Whether both are within it."""
        return (self.endpoints is None or endpoint in self.endpoints) and (
            self.models is None or model in self.models
        )


def scope_of_key(digest: bytes) -> KeyScope:
    """The scope of the key with that digest; one that is gone by now may call nothing. Blocks for one look-up."""
    row = ApiKey.objects.filter(digest=digest).values_list("allowed_endpoints", "allowed_models").first()
    if row is None:
        return KeyScope(frozenset(), frozenset())
    endpoints, models = row
    return KeyScope(_names(endpoints), _names(models))


def _names(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)
