"""The gateway's addresses; aio_platform.asgi gives them to GatewayHandler."""

from django.urls import path

from gateway.api import omakase, omakase_uploads, openai, openai_uploads
from gateway.api.chat import ApiInOneChatView, LlmChatView, OpenAIChatView, TextChatView
from gateway.api.models import ModelsView
from gateway.api.tasks import (
    CancelTaskView,
    ImageTaskView,
    NewTaskView,
    SpeechTaskView,
    TaskListView,
    TaskView,
)
from gateway.api.upstream_webhooks import UpstreamWebhookView

OMAKASE = [
    path("api/chat", TextChatView.as_view()),
    path("llm/v1/chat/completions", LlmChatView.as_view()),
    path("api/embedding", omakase.EmbeddingView.as_view()),
    path("api/rerank", omakase.RerankView.as_view()),
    path("api/tts", omakase.SpeechView.as_view()),
    path("api/stt", omakase_uploads.SpeechToTextView.as_view()),
    path("api/voice-clone", omakase_uploads.VoiceCloneView.as_view()),
    path("api/image2text", omakase_uploads.ImageToTextView.as_view()),
    path("api/t2m", omakase.MusicView.as_view()),
    path("api/t2i", omakase.ImageView.as_view()),
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
    path("v1/completions", openai.legacy_completions),
    path("v1/embeddings", openai.OpenAIEmbeddingView.as_view()),
    path("v1/rerank", openai.OpenAIRerankView.as_view()),
    path("v1/images/generations", openai.OpenAIImageView.as_view()),
    path("v1/audio/speech", openai.OpenAISpeechView.as_view()),
    path("v1/audio/transcriptions", openai_uploads.OpenAITranscriptionView.as_view()),
    path("v1/audio/translations", openai_uploads.OpenAITranslationView.as_view()),
    path("v1/models", ModelsView.as_view()),
]
UPSTREAMS = [path("webhooks/upstreams/<str:upstream>", UpstreamWebhookView.as_view())]
urlpatterns = [*OMAKASE, *API_IN_ONE, *OPENAI, *UPSTREAMS]
