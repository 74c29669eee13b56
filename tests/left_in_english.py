"""What is English in a text of a Korean page: no Korean, no name, and no word that Korean readers read as it is."""

import re
from collections.abc import Iterable

LATIN, HANGUL = re.compile(r"[A-Za-z]{2,}"), re.compile(r"[가-힣]")
# Names, units and words of the trade, which Korean developers read as they are.
KEPT = re.compile(
    r"AIO platform|API in One|Omakase API|OpenAI|JavaScript|Python( \((openai|httpx)\))?|curl|CSV|JSON|YAML|English"
    r"|Endpoint|Upstream|Workbench|Rerank|Operation|Docs|URL|UTC|API|IP|TOTP|id|min|ms|s|p\d\d|\.env"
    r"|[\d.,:+\-–% ×/]*(ms|s|min|MB|GB|KB|kB|px)?( \d+ s)?|(\d{3} · )?(application|audio|image|text|multipart)/[\w.\-]+"
    r"|(GET|POST|PUT|PATCH|DELETE)( /\S+)?|(/\S+)|https?://\S+|\S+@\S+|(aio|key|req|acct|evt|whsec)_\S*"
    r"|[A-Z]\w+(/[\w+\-]+)+|[A-Z]{2,4}|v\d+|(Upstream )[\d.]+ m?s|404|Idempotency-Key|X-Account|Mozilla/.*|flux-2"
    r"|[\d.]+/\d+ [0-9a-f:]+/\d+"
)
BETWEEN = re.compile(r" · |, | \| |: ")


def is_english(text: str, names: Iterable[str]) -> bool:
    """Whether the text has words that are neither Korean, nor among the names of the page's data, nor kept."""
    if not LATIN.search(text) or HANGUL.search(text):
        return False
    if KEPT.fullmatch(text):
        return False
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ")
    pieces = [piece.strip(" ()") for piece in BETWEEN.split(text)]
    return not all(KEPT.fullmatch(piece) or not LATIN.search(piece) for piece in pieces)
