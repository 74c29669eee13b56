"""Moderations: what is said is judged by the words in it, so the same input always gets the same verdict."""

from __future__ import annotations

from gateway.sandbox import dialects
from gateway.sandbox.chat import prose
from gateway.sandbox.magic import without_magic
from gateway.sandbox.sync import vision
from gateway.sandbox.wire import Answer, Call, Json, Refusal, Route, json_reply

# OpenAI's categories, and here the words that each is found by.
WORDS: dict[str, tuple[str, ...]] = {
    "harassment": ("idiot", "shut up"),
    "harassment/threatening": ("i will find you",),
    "hate": ("hate them all",),
    "hate/threatening": ("wipe them out",),
    "illicit": ("pick a lock", "steal"),
    "illicit/violent": ("build a bomb",),
    "self-harm": ("hurt myself",),
    "self-harm/intent": ("want to hurt myself",),
    "self-harm/instructions": ("how to hurt myself",),
    "sexual": ("naked",),
    "sexual/minors": (),
    "violence": ("kill", "stab"),
    "violence/graphic": ("blood everywhere",),
}
SEEN_IN_IMAGES = frozenset(
    ("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic")
)
FOUND = 0.9
MAX_IMAGES = 1


def routes() -> list[Route]:
    """The moderation surface."""
    return [Route("POST", "/v1/moderations", moderations, dialects.openai)]


def moderations(call: Call) -> Answer:
    """OpenAI: a result for each text, or one for all parts."""
    body = call.json()
    given = body.get("input")
    if isinstance(given, list) and given and isinstance(given[0], dict):
        results = [_judge(*_read_parts(given))]
    else:
        texts = [given] if isinstance(given, str) else given
        if (
            not isinstance(texts, list)
            or not texts
            or not all(isinstance(each, str) and each for each in texts)
        ):
            raise Refusal(400, "'$.input' is invalid")
        results = [_judge(text, "") for text in texts]
    model = str(body.get("model") or "omni-moderation-latest")
    return json_reply(
        {"id": f"modr-{prose.digest(call.body).hex()[:24]}", "model": model, "results": results}
    )


def _read_parts(parts: list[Json]) -> tuple[str, str]:
    """What the texts say and what the images show; refused with more images than one."""
    texts, shown = [], []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "image_url":
            shown.append(vision.describe(part.get("image_url")))
        else:
            raise Refusal(400, f"unsupported part: {kind}")
    if len(shown) > MAX_IMAGES:
        raise Refusal(400, f"at most {MAX_IMAGES} image may be judged at a time")
    return "\n".join(texts), "\n".join(shown)


def _judge(text: str, shown: str) -> dict[str, Json]:
    text = without_magic(text)
    seed = prose.digest(text, shown)
    said, seen = text.lower(), shown.lower()
    categories: dict[str, Json] = {}
    scores: dict[str, Json] = {}
    kinds: dict[str, Json] = {}
    for place, (category, words) in enumerate(WORDS.items()):
        by_image = category in SEEN_IN_IMAGES
        found = any(word in said or (by_image and word in seen) for word in words)
        categories[category] = found
        scores[category] = (FOUND if found else 0) + seed[place] / 10_000
        kinds[category] = [*(["text"] if text else []), *(["image"] if shown and by_image else [])]
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": kinds,
    }
