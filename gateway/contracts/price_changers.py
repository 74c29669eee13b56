"""Fields of other APIs that would change what a call costs: refused where an endpoint has not got them, never ignored.

A caller who asks for two images, a larger one or a longer song, and gets and pays for the usual one, was not told.
"""

from collections.abc import Mapping
from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.contracts.parsing import is_same

# By name: the values that ask for nothing but what the endpoint does anyway. Null always does.
PriceChangers = Mapping[str, tuple[Any, ...]]
COUNTS: PriceChangers = dict.fromkeys(
    ("n", "num_images", "num_outputs", "number_of_images", "batch_size", "n_iter", "num_images_per_prompt"),
    (1,),
)
SIZES: PriceChangers = dict.fromkeys(("size", "width", "height", "resolution", "image_size"), ("auto",))
IMAGE_EXTRAS: PriceChangers = {
    **COUNTS,
    **SIZES,
    "steps": (),
    "enable_hr": (False,),
    "hr_scale": (1,),
    "input_fidelity": ("low",),
    "partial_images": (0,),
    "upscale": (False, 1),
}
MUSIC_EXTRAS: PriceChangers = {
    **COUNTS,
    **dict.fromkeys(("duration", "audio_length", "length", "music_length_ms", "seconds"), ()),
    **dict.fromkeys(("steps", "infer_step", "infer_steps", "num_inference_steps", "inference_steps"), ()),
}


def refuse_price_changers(extra: Mapping[str, Any] | None, changers: PriceChangers) -> None:
    """Raises InvalidRequest for the first of a body's unknown fields that would change the price."""
    for name, value in (extra or {}).items():
        harmless = changers.get(name)
        if harmless is None or value is None or any(is_same(value, one) for one in harmless):
            continue
        raise _changes_price(name)


def refuse_price_changers_of_form(extra: Mapping[str, Any] | None, changers: PriceChangers) -> None:
    """The same of a form, whose values are texts."""
    for name, value in (extra or {}).items():
        harmless = changers.get(name)
        if harmless is not None and value not in [str(one).lower() for one in harmless]:
            raise _changes_price(name)


def _changes_price(name: str) -> InvalidRequest:
    return InvalidRequest(
        _("%(param)s: this endpoint has no such option, and it would change the price; leave it out."),
        param=name,
    )
