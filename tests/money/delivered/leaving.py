"""When a caller goes."""

from hypothesis import strategies as st
from money.delivered.raw_client import Leaving

# Heads, and what the platform adds, make its answer longer than the upstream's.
ADDED_BYTES = 400


@st.composite
def leavings(draw: st.DrawFn, request_bytes: int, answer_bytes: int) -> Leaving:
    """Most stay; the others leave at any byte of what they send or of what they are sent."""
    choice = draw(st.integers(0, 15))
    if choice == 15:
        return Leaving(sent=draw(st.integers(0, request_bytes)), resets=draw(st.booleans()))
    if choice >= 12:
        return Leaving(received=draw(st.integers(0, answer_bytes + ADDED_BYTES)), resets=draw(st.booleans()))
    return Leaving()
