"""A catalog of many lanes: each is an upstream and models of its own, so that one call's failures rest no other's."""

LANES = 64
MAX_OUTPUT_TOKENS = 4096
# Micro-credits for one of each unit.
PRICES = {"tokens_in": 10, "tokens_out": 100, "characters": 1000, "images": 5000, "audio_ms": 7}

_HEAD = """
[rates.tokens]
tokens_in = { credits = "0.00001" }
tokens_out = { credits = "0.0001" }

[rates.vectors]
tokens_in = { credits = "0.00001" }

[rates.speech]
characters = { credits = "0.001" }

[rates.sound]
audio_ms = { credits = "0.000007" }

[rates.images]
images = { credits = "0.005" }
"""
_LANE = """
[upstreams.lane-{lane}]
base_url = "{url}/lane-{lane}"

[[models]]
slug = "lane-{lane}"
owned_by = "fuzz"
created = 2026-01-01
"""
_ROUTE = """
[[routes]]
name = "{endpoint}-{lane}"
endpoint = "{endpoint}"
model = "lane-{lane}"
upstream = "lane-{lane}"
adapter = "{adapter}"
rate = "{rate}"
{more}
"""
_ROUTES = (
    ("chat", "openai_chat", "tokens", f"max_output_tokens = {MAX_OUTPUT_TOKENS}"),
    ("vision", "openai_vision", "tokens", f"max_output_tokens = {MAX_OUTPUT_TOKENS}"),
    ("embeddings", "openai_embeddings", "vectors", ""),
    ("rerank", "openai_rerank", "vectors", ""),
    ("speech", "vllm_omni_speech", "speech", 'options = { formats = ["wav", "mp3", "pcm"] }'),
    ("transcription", "openai_transcription", "sound", "options = { max_audio_s = 600 }"),
    ("images", "openai_images", "images", "options = { default_steps = 1 }"),
)


def catalog_text(url: str) -> str:
    """The catalog as TOML, all lanes at one server."""
    parts = [_HEAD]
    for lane in range(LANES):
        parts.append(_LANE.format(lane=lane, url=url))
        for endpoint, adapter, rate, more in _ROUTES:
            extra = more + ("\ndefault = true" if lane == 0 else "")
            parts.append(_ROUTE.format(lane=lane, endpoint=endpoint, adapter=adapter, rate=rate, more=extra))
    return "".join(parts)


def price_of(**units: int) -> int:
    """Micro-credits at the prices above, which no unit's rounding can change."""
    return sum(PRICES[name] * quantity for name, quantity in units.items())
