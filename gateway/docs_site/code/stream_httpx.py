"""Prints an answer while it is generated, and its price."""

import json
import os

import httpx

with httpx.stream(
    "POST",
    f"{os.environ['AIO_BASE_URL']}/v1/chat/completions",
    headers={"Authorization": f"Bearer {os.environ['AIO_API_KEY']}"},
    json={"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}], "stream": True},
    timeout=120,
) as answer:
    answer.raise_for_status()
    for line in answer.iter_lines():
        # Comments start with a colon; they only keep the connection awake.
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        chunk = json.loads(line.removeprefix("data: "))
        if "error" in chunk:
            raise RuntimeError(chunk["error"]["message"])
        for choice in chunk["choices"]:
            print(choice["delta"].get("content") or "", end="", flush=True)
        if "credits_consumed" in chunk:
            print(f"\n{chunk['credits_consumed']} credits")
