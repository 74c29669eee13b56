"""An account with something on every page: calls that succeeded, one that was refused, a task with its result."""

import time
import tomllib
from dataclasses import dataclass

import httpx
from running_platform import ROOT, RunningPlatform

TASK_LIMIT_S = 240.0
SANDBOX_CATALOG = ROOT / "gateway" / "catalogs" / "sandbox.toml"
PROMPT = "A garden in spring"


@dataclass(frozen=True)
class Used:
    """What the pages of one thing are asked for with."""

    ids: dict[str, str]
    names: frozenset[str]

    def path(self, template: str, **more_ids: str) -> str:
        """An address with the ids of what this account has in the place of {key_id} and the like."""
        return template.format_map(self.ids | more_ids)


def use(platform: RunningPlatform, account: str, callback_url: str | None = None) -> Used:
    """Issue a key for the account and call what there is with it; its task's end is told to `callback_url`."""
    key = platform.manage_json("issue_key", account, "--name", "production")
    ids = {"key_id": key["id"]}
    headers = {"Authorization": f"Bearer {key['key']}"}
    with httpx.Client(base_url=platform.base_url, headers=headers, timeout=180, trust_env=False) as client:
        answer = client.post("/api/chat", json={"input": "Summarize this incident report."})
        for model in ("gemini", "sbx-chat"):
            body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}]}
            client.post("/v1/chat/completions", json=body)
        client.post("/api/embedding", json={"input": "Text to embed"})
        client.post("/api/tts", json={"text": "Text to read"})
        client.post("/v1/chat/completions", json={"model": "nothing", "messages": []})
        body = {"model": "flux-2", "prompt": PROMPT}
        if callback_url is not None:
            body["callback_url"] = callback_url
        opened = client.post("/api/v1/images/generations", json=body).json()
        task_id = opened["data"]["task_id"]
        give_up_at = time.monotonic() + TASK_LIMIT_S
        while client.get(f"/api/v1/tasks/{task_id}").json()["data"]["status"] == "IN_PROGRESS":
            assert time.monotonic() < give_up_at, "the task did not end"
            time.sleep(0.2)
        if callback_url is not None:
            [delivery] = client.get("/api/v1/callbacks/deliveries", params={"task": task_id}).json()["data"]
            ids["delivery_id"] = delivery["id"]
    # No mount lists them all, and pages show them all.
    models = tomllib.loads(SANDBOX_CATALOG.read_text())["models"]
    names = {name for model in models for name in (model["slug"], model["name"], *model.get("aliases", ()))}
    ids |= {"request_id": answer.headers["X-Request-Id"], "task_id": task_id}
    return Used(ids, frozenset(names))
