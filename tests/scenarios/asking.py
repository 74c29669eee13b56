"""What scenarios ask with, and how they read what came back. Prices here are those of the sandbox's catalog."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from running_platform import RunningPlatform, Tenant

from aio_platform.error_kinds import ERROR_KINDS

OPENAI = "/v1/chat/completions"
API_IN_ONE = "/api/v1/chat/completions"
LLM = "/llm/v1/chat/completions"
TEXT = "/api/chat"
EVERY_ADDRESS = (OPENAI, API_IN_ONE, LLM, TEXT)
OBJECT_SHAPED = (OPENAI, API_IN_ONE, LLM)

CREDIT = 1_000_000
START = 1000 * CREDIT
MICROCREDITS_PER_TOKEN_IN = 500  # 0.5 credits for 1,000
MICROCREDITS_PER_TOKEN_OUT = 1500  # 1.5 credits for 1,000
MAX_OUTPUT_TOKENS = 4096
TOKENS_PER_IMAGE = 85
Found = TypeVar("Found")


def body_for(path: str, text: str, **more: Any) -> dict[str, Any]:
    """A body that this address takes, asking `text` of the default model."""
    if path == TEXT:
        return {"input": text, **more}
    if path == LLM:
        return {"messages": [{"role": "user", "content": text}], **more}
    return {"model": "gemini", "messages": [{"role": "user", "content": text}], **more}


def saying(text: str, **more: Any) -> dict[str, Any]:
    """An OpenAI chat body that asks `text` of gemini."""
    return body_for(OPENAI, text, **more)


def marked(text: str = "hello") -> tuple[str, str]:
    """A text that no other call has, and the mark by which the journal finds it."""
    mark = f"mark-{uuid4().hex}"
    return f"{text} {mark}", mark


def tokens(*texts: str) -> int:
    """The sandbox's rule: a quarter of the UTF-8 bytes of everything together, rounded up once."""
    return -(-sum(len(text.encode()) for text in texts) // 4)


def price(tokens_in: int, tokens_out: int) -> int:
    """Micro-credits at the rate of gemini."""
    return tokens_in * MICROCREDITS_PER_TOKEN_IN + tokens_out * MICROCREDITS_PER_TOKEN_OUT


def ceiling(content: bytes, max_tokens: int = MAX_OUTPUT_TOKENS) -> int:
    """The hold of a call with one message: its bytes, what a template may add, and the most it may say."""
    return price(len(content) + 16 + 64, max_tokens)


def bill(prompt: str, message: dict[str, Any]) -> int:
    """What a whole answer costs, from what was asked and what was said."""
    said = [message.get("content") or "", message.get("reasoning_content") or ""]
    for call in message.get("tool_calls") or ():
        said += [call["function"]["name"], call["function"]["arguments"]]
    return price(tokens(prompt), tokens(*said))


def microcredits(shown: str | float) -> int:
    """Credits as an answer shows them, in micro-credits."""
    return round(float(shown) * CREDIT)


@dataclass(frozen=True)
class Stream:
    """A streamed answer read to its end."""

    chunks: list[dict[str, Any]]
    done: bool

    @classmethod
    def of(cls, text: str) -> "Stream":
        payloads = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
        assert all(line.startswith((":", "data: ")) or not line for line in text.split("\n")), text
        done = bool(payloads) and payloads[-1] == "[DONE]"
        return cls([json.loads(payload) for payload in payloads[: -1 if done else None]], done)

    def joined(self, name: str = "content") -> str:
        """One field of all deltas together."""
        deltas = [choice["delta"] for chunk in self.chunks for choice in chunk.get("choices", ())]
        return "".join(delta.get(name) or "" for delta in deltas)

    @property
    def error(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.chunks[-1].get("error")
        return found


@dataclass(frozen=True)
class Books:
    """The tenant's credits and receipts, from the platform's API."""

    client: httpx.Client

    def available(self) -> int:
        return int(self._credits()["available_microcredits"])

    def held(self) -> int:
        return int(self._credits()["held_microcredits"])

    def spent(self) -> int:
        """Of a tenant that started with 1,000 credits: what is neither available nor held."""
        now = self._credits()
        return START - int(now["available_microcredits"]) - int(now["held_microcredits"])

    def receipt(self, answer: httpx.Response | str) -> dict[str, Any]:
        """The settled receipt of a call, by its answer or its request id."""
        request_id = answer if isinstance(answer, str) else answer.headers["X-Request-Id"]

        def settled() -> dict[str, Any] | None:
            found = self.client.get(f"/api/v1/usage/{request_id}")
            assert found.status_code == 200, found.text
            receipt: dict[str, Any] = found.json()
            return receipt if receipt["outcome"] != "in_flight" else None

        return eventually(settled)

    def calls(self) -> list[dict[str, Any]]:
        """Every ended call of the tenant, newest first."""
        found = self.client.get("/api/v1/usage")
        assert found.status_code == 200, found.text
        return found.json()["data"]  # type: ignore[no-any-return]

    def only_call(self) -> dict[str, Any]:
        """The one ended call, for when the caller never learnt its id."""
        (call,) = eventually(self.calls)
        return call

    def refusals(self) -> dict[str, int]:
        """Refused calls by code."""
        found = self.client.get("/api/v1/usage/refusals", params={"group_by": "code"})
        assert found.status_code == 200, found.text
        return {row["code"]: row["calls"] for row in found.json()["data"]}

    def assert_nothing_held_or_spent(self) -> None:
        now = self._credits()
        assert (now["available_microcredits"], now["held_microcredits"]) == (START, 0)

    def _credits(self) -> dict[str, Any]:
        found = self.client.get("/api/v1/credits")
        assert found.status_code == 200, found.text
        return found.json()  # type: ignore[no-any-return]


def eventually(look: Callable[[], Found | None], within_s: float = 180.0) -> Found:
    """What `look` finds once it finds something; fails after `within_s`, which is long for a busy machine."""
    give_up_at = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < give_up_at, "it did not come about"
        time.sleep(0.02)
    return found


def run_in_shell(platform: RunningPlatform, script: str) -> Any:
    """Run Python beside the server; returns what the script printed, as JSON."""
    return json.loads(platform.manage("shell", "--no-imports", "-c", script))


_MAKE_TENANTS = """
import json
from uuid import uuid4
from django.db import transaction
from accounts.keys.lifecycle import issue_key
from usage.ledger.grants import open_account
made = []
with transaction.atomic():
    for _ in range({number}):
        account, available = open_account("tenant-" + uuid4().hex, "unlimited", None, {start})
        key, text = issue_key(account, "scenario")
        made.append([account.public_id, account.name, text, key.public_id, available])
print(json.dumps(made))
"""


@dataclass
class TenantPool:
    """Tenants on the plan `unlimited`, made many at a time."""

    platform: RunningPlatform
    batch: int = 40
    _made: list[Tenant] = field(default_factory=list)

    def take(self) -> Tenant:
        if not self._made:
            rows = run_in_shell(self.platform, _MAKE_TENANTS.format(number=self.batch, start=START))
            self._made = [Tenant(*row[:4]) for row in rows]
        return self._made.pop()


ERROR_FIELDS = {"code", "message", "type", "param", "request_id"}


def in_our_words(status: int, described: dict[str, Any]) -> dict[str, Any]:
    """An error that came in OpenAI's words, with our type in place of theirs and the status as its code."""
    code, kind = described["code"], described["type"]
    assert isinstance(code, str), "OpenAI's codes are words"
    ours = {each.type for each in ERROR_KINDS if each.status == status and each.openai_type == kind}
    if len(ours) > 1:
        # An error may have the code of another status: a key whose answer was not kept is a 409 and "reused".
        ours &= {each.type for each in ERROR_KINDS if (each.openai_type, each.openai_code) == (kind, code)}
    assert len(ours) == 1, f"no error of ours is {status} {kind} {code}"
    return {**described, "type": ours.pop(), "code": status, "openai_code": code}


def told(answer: httpx.Response) -> dict[str, Any]:
    """The refusal or error in an answer, whichever shape its mount has; checks that shape and the id."""
    body = answer.json()
    path = answer.request.url.path
    if path.startswith(("/v1/", "/api/v1/", "/llm/v1/")):
        assert set(body) == {"error"}
        described: dict[str, Any] = body["error"]
        assert set(described) >= ERROR_FIELDS
        if path.startswith("/v1/"):
            described = in_our_words(answer.status_code, described)
        else:
            assert described["code"] == answer.status_code
    else:
        assert isinstance(body["error"], str)
        described = {"param": None, **body, "message": body["error"], "code": answer.status_code}
    assert described["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Content-Type"] == "application/json"
    return described
