"""The gateway's addresses; aio_platform.asgi gives them to GatewayHandler."""

from django.urls import path

from gateway import omakase_form_views, omakase_views, openai_form_views, openai_views
from gateway.chat_views import ApiInOneChatView, LlmChatView, OpenAIChatView, TextChatView
from gateway.model_views import ModelsView

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
urlpatterns = [*OMAKASE, *API_IN_ONE, *OPENAI]
