"""Reading a small JSON object from an ordinary request.

Instead of REST framework's parsers, which answer 500 to a body over Django's limit and to deeply nested
lists, and take a chunked body for an empty one.
"""

from typing import Any

import orjson
from rest_framework.request import Request

from aio_platform.errors import BodyTooLarge, InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.null_characters import NullCharacter, place_of_null

MAX_BODY_BYTES = 64_000


def read_json_object(request: Request, limit_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """The body's JSON object; an empty body is an empty one.

    Raises InvalidRequest for another content type, broken UTF-8 or JSON, a text with U+0000, and anything but an
    object, and BodyTooLarge (413) beyond the limit.
    """
    body = request._request.read(limit_bytes + 1)
    if len(body) > limit_bytes:
        raise BodyTooLarge(
            _("The body is larger than the limit of %(limit_bytes)s bytes."), limit_bytes=f"{limit_bytes:,}"
        )
    if not body:
        return {}
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidRequest(_("Send the body as application/json."), param="Content-Type")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest(_("The body is not valid JSON.")) from None
    place = place_of_null(parsed)
    if place is not None:
        raise NullCharacter(place or None)
    if not isinstance(parsed, dict):
        raise InvalidRequest(_("The body has to be a JSON object."))
    return parsed
