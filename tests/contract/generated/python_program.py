"""openapi-generator's Python client: PACKAGE is on the path; prints what it got as JSON."""

import json
import sys

import aio_client

api_key = sys.argv[1]
configuration = aio_client.Configuration(access_token=api_key)
with aio_client.ApiClient(configuration) as client:
    openai = aio_client.OpenAIApi(client)
    answer = openai.openai_create_chat_completion(
        aio_client.ChatCompletionBody(
            model="gemini",
            messages=[
                aio_client.ChatMessage(role="user", content=aio_client.ChatMessageContent("hello")),
            ],
        )
    )
    text = aio_client.OmakaseApi(client).generate_text(aio_client.TextChatBody(input="hello"))
    models = openai.openai_list_models()
try:
    with aio_client.ApiClient(aio_client.Configuration(access_token="aio_wrong")) as client:
        aio_client.OmakaseApi(client).generate_text(aio_client.TextChatBody(input="hello"))
    refused = 0
except aio_client.exceptions.UnauthorizedException as error:
    refused = error.status
print(
    json.dumps(
        {
            "chat": answer.choices[0].message.content,
            "tokens": answer.usage.prompt_tokens,
            "text": text.text,
            "models": [model.id for model in models.data],
            "refused": refused,
        }
    )
)
