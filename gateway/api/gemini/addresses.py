"""What Google's addresses have in common: the key's header, and the model's name in the path."""

from urllib.parse import parse_qs

from aio_platform.http.handler import GatewayRequest
from gateway.calls.runtime import runtime
from gateway.errors import KeyInAddress

MOUNT = "/v1beta/"
KEY_HEADER = b"x-goog-api-key"
# As Google's own servers take it besides.
_KEY_PARAMETERS = ("key", "access_token", "oauth_token")
# What a model's name begins with as the resource that Google's lists have.
RESOURCE = "models/"
_PUBLISHER = "publishers/"


def query_of(request: GatewayRequest) -> dict[str, str]:
    """The parameters of the address, of each the last."""
    text = request.scope["query_string"].decode("latin-1")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def refuse_key_in_query(request: GatewayRequest) -> None:
    """Raises KeyInAddress for a key in the query: whoever keeps addresses would keep it."""
    if not request.scope["query_string"]:
        return
    given = query_of(request)
    for name in _KEY_PARAMETERS:
        if name in given:
            raise KeyInAddress(param=name, header=KEY_HEADER.decode())


def named_model(endpoint: str, written: str) -> str:
    """The catalog's name of the model that a path or a body names.

    It may have slashes in it, and stand behind `models/` or a publisher's name, as Google writes resources. One that
    the catalog does not know is returned as it is written.
    """
    bare = written.removeprefix(RESOURCE)
    names = [written, bare]
    if bare.startswith(_PUBLISHER):
        names.append(bare.partition(f"/{RESOURCE}")[2])
    catalog = runtime().catalog.current
    return next((name for name in names if catalog.serves(endpoint, name)), bare)
