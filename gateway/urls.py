"""The gateway's addresses; aio_platform.asgi gives them to GatewayHandler."""

from django.urls import path

from gateway import omakase_form_views, omakase_views, openai_form_views, openai_views
from gateway.chat_views import ApiInOneChatView, LlmChatView, OpenAIChatView, TextChatView
from gateway.model_views import ModelsView
from gateway.task_views import (
    CancelTaskView,
    ImageTaskView,
    NewTaskView,
    SpeechTaskView,
    TaskListView,
    TaskView,
)
from gateway.upstream_webhook_view import UpstreamWebhookView

OMAKASE = [
    path("api/chat", TextChatView.as_view()),
    path("llm/v1/chat/completions", LlmChatView.as_view()),
    path("api/embedding", omakase_views.EmbeddingView.as_view()),
    path("api/rerank", omakase_views.RerankView.as_view()),
    path("api/tts", omakase_views.SpeechView.as_view()),
    path("api/stt", omakase_form_views.SpeechToTextView.as_view()),
    path("api/voice-clone", omakase_form_views.VoiceCloneView.as_view()),
    path("api/image2text", omakase_form_views.ImageToTextView.as_view()),
    path("api/t2m", omakase_views.MusicView.as_view()),
    path("api/t2i", omakase_views.ImageView.as_view()),
]
API_IN_ONE = [
    path("api/v1/chat/completions", ApiInOneChatView.as_view()),
    path("api/v1/models", ModelsView.as_view()),
    path("api/v1/images/generations", ImageTaskView.as_view()),
    path("api/v1/videos/generations", NewTaskView.as_view(endpoint="video_task")),
    path("api/v1/audio/music", NewTaskView.as_view(endpoint="music_task")),
    path("api/v1/audio/speech", SpeechTaskView.as_view()),
    path("api/v1/images/tools/remove-bg", NewTaskView.as_view(endpoint="remove_bg")),
    path("api/v1/images/tools/face-swap", NewTaskView.as_view(endpoint="face_swap")),
    path("api/v1/videos/tools/bg-remover", NewTaskView.as_view(endpoint="video_bg_remover")),
    path("api/v1/tasks", TaskListView.as_view()),
    path("api/v1/tasks/<str:task_id>", TaskView.as_view()),
    path("api/v1/tasks/<str:task_id>/cancel", CancelTaskView.as_view()),
]
OPENAI = [
    path("v1/chat/completions", OpenAIChatView.as_view()),
    path("v1/completions", openai_views.legacy_completions),
    path("v1/embeddings", openai_views.OpenAIEmbeddingView.as_view()),
    path("v1/rerank", openai_views.OpenAIRerankView.as_view()),
    path("v1/images/generations", openai_views.OpenAIImageView.as_view()),
    path("v1/audio/speech", openai_views.OpenAISpeechView.as_view()),
    path("v1/audio/transcriptions", openai_form_views.OpenAITranscriptionView.as_view()),
    path("v1/audio/translations", openai_form_views.OpenAITranslationView.as_view()),
    path("v1/models", ModelsView.as_view()),
]
UPSTREAMS = [path("webhooks/upstreams/<str:upstream>", UpstreamWebhookView.as_view())]
urlpatterns = [*OMAKASE, *API_IN_ONE, *OPENAI, *UPSTREAMS]
