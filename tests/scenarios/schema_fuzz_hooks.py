"""Loaded by schemathesis in its own process: real files for uploads, and the run's own key left alive."""

import os
import sys
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import media_files as made

OWN_KEY_ID = os.environ["FUZZ_OWN_KEY_ID"]
NOBODYS_KEY_ID = "key_000000000000"
FILES = [made.wav(200), made.wav(50, rate=16_000), made.mp3(20), made.png(64, 48), made.gif(3, 3)]

# Half of what is uploaded is sound or an image, so that the other half is not all that is ever looked at.
schemathesis.openapi.format("binary", st.one_of(st.sampled_from(FILES), st.binary(max_size=2_000)))


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """A form's values are text: a number in the place of one breaks the schema and arrives as its digits."""
    is_wrong = case.meta is not None and case.meta.generation.mode.is_negative
    if not is_wrong or case.media_type != "multipart/form-data" or not isinstance(case.body, dict):
        return True
    return not any(isinstance(value, int | float | None) for value in case.body.values())


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Answers lead from a list of keys to each of them, and so to the one in use: another stands in for it."""
    if (case.path_parameters or {}).get("key_id") == OWN_KEY_ID:
        case.path_parameters["key_id"] = NOBODYS_KEY_ID
