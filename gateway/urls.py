"""The gateway's addresses; aio_platform.asgi gives them to GatewayHandler."""

from django.urls import path

from gateway.chat_views import ApiInOneChatView, LlmChatView, OpenAIChatView, TextChatView
from gateway.model_views import ModelsView

urlpatterns = [
    path("api/chat", TextChatView.as_view()),
    path("llm/v1/chat/completions", LlmChatView.as_view()),
    path("api/v1/chat/completions", ApiInOneChatView.as_view()),
    path("api/v1/models", ModelsView.as_view()),
    path("v1/chat/completions", OpenAIChatView.as_view()),
    path("v1/models", ModelsView.as_view()),
]
