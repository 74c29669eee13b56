"""openapi-python-client's client: PACKAGE is on the path; prints what it got as JSON."""

import json
import sys

from aio_platform_client import AuthenticatedClient
from aio_platform_client.api.omakase import generate_text
from aio_platform_client.api.open_ai import openai_create_chat_completion, openai_list_models
from aio_platform_client.models import (
    ChatCompletion,
    ChatCompletionBody,
    ChatMessage,
    ChatMessageRole,
    GeneratedText,
    ModelList,
    TextChatBody,
)

# This generator leaves the document's servers to its user.
base_url, api_key = sys.argv[1:]
client = AuthenticatedClient(base_url=base_url, token=api_key)
answer = openai_create_chat_completion.sync(
    client=client,
    body=ChatCompletionBody(
        model="gemini", messages=[ChatMessage(role=ChatMessageRole.USER, content="hello")]
    ),
)
assert isinstance(answer, ChatCompletion)
text = generate_text.sync(client=client, body=TextChatBody(input_="hello"))
assert isinstance(text, GeneratedText)
models = openai_list_models.sync(client=client)
assert isinstance(models, ModelList)
wrong = AuthenticatedClient(base_url=base_url, token="aio_wrong")
refused = generate_text.sync_detailed(client=wrong, body=TextChatBody(input_="hello"))
print(
    json.dumps(
        {
            "chat": answer.choices[0].message.content,
            "tokens": answer.usage.prompt_tokens,
            "text": text.text,
            "models": [model.id for model in models.data],
            "refused": refused.status_code,
        }
    )
)
