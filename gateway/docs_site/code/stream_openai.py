"""Prints an answer while it is generated."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=f"{os.environ['AIO_BASE_URL']}/v1",
    api_key=os.environ["AIO_API_KEY"],
)
stream = client.chat.completions.create(
    model="gemini",
    messages=[{"role": "user", "content": "Hello!"}],
    stream=True,
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
