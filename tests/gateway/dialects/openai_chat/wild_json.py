"""JSON of any shape, and of shapes that lead a reader inwards with anything where it expects something."""

from hypothesis import strategies as st

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just("data:image/png;base64,A"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
_ANSWERED_NAMES = (
    "content refusal reasoning reasoning_content reasoning_details thinking_blocks tool_calls function_call audio"
    " images annotations extra_content google thought thought_signature function custom id index name arguments type"
    " text thinking image_url url url_citation data transcript signature summary format"
)
_ANSWERED_WORDS = (
    "text thinking refusal image_url custom reasoning.text reasoning.summary reasoning.encrypted unknown"
)
NEARLY_ANSWERED = st.recursive(
    ANY_JSON | st.sampled_from(_ANSWERED_WORDS.split()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_ANSWERED_NAMES.split()), inner, max_size=6)
    ),
    max_leaves=20,
)
MESSAGES_ANSWERED = st.dictionaries(st.sampled_from(_ANSWERED_NAMES.split()), NEARLY_ANSWERED, max_size=5)
COUNTS = st.none() | st.integers(-5, 10**17) | st.floats() | st.sampled_from(["5", "x", True])
USAGES = st.dictionaries(
    st.sampled_from(
        [
            "prompt_tokens",
            "completion_tokens",
            "input_tokens",
            "output_tokens",
            "total_tokens",
            "cached_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "reasoning_tokens",
            "prompt_tokens_details",
            "completion_tokens_details",
        ]
    ),
    st.integers(0, 100)
    | COUNTS
    | st.dictionaries(st.sampled_from(["cached_tokens", "reasoning_tokens"]), COUNTS),
)

_LEADING = (
    "type role content text image_url url file file_data input_audio data format refusal thinking tool_calls id"
    " function custom name arguments audio reasoning_details thinking_blocks signature index extra_content google"
    " cache_control ttl tools parameters images json_schema schema allowed_tools mode"
)
LEADING = st.sampled_from(_LEADING.split())
_KINDS = (
    "text image_url file input_audio refusal thinking function custom allowed_tools json_schema grammar user tool"
    " assistant system reasoning.text reasoning.summary reasoning.encrypted"
)
KINDS = st.sampled_from(_KINDS.split())
NEARLY_ASKED = st.recursive(
    ANY_JSON | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LEADING, inner, max_size=6),
    max_leaves=20,
)
_NAMES_OF_FIELDS = (
    "model messages tools tool_choice functions function_call response_format stop n logprobs top_logprobs metadata"
    " reasoning thinking reasoning_effort logit_bias stream stream_options user max_tokens temperature"
)
NAMES_OF_FIELDS = st.sampled_from(_NAMES_OF_FIELDS.split())
MESSAGES_ASKED = st.lists(
    st.builds(
        lambda role, rest: {**rest, "role": role},
        st.sampled_from(["system", "user", "assistant", "tool", "function"]),
        st.dictionaries(LEADING, NEARLY_ASKED, max_size=5),
    ),
    min_size=1,
    max_size=3,
)
FIELDS_ASKED = st.dictionaries(NAMES_OF_FIELDS, NEARLY_ASKED, max_size=5)
