"""What Gemini's methods of chat accept. What contents may hold is read by the dialect, in both spellings of names."""

from typing import Any

from pydantic import Field

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.contracts.either_spelling import EitherSpelling

# As proto3's JSON: one object may stand for a list of one.
Objects = list[dict[str, Any]] | dict[str, Any]


class GenerateContentBody(EitherSpelling):
    """POST …:generateContent and …:streamGenerateContent."""

    descriptions = {
        "contents": _(
            "The conversation so far: objects with a role (user or model) and parts, oldest first."
        ),
        "systemInstruction": _("What the model shall be and do: {parts}."),
        "tools": _("Functions that the model may ask to have called: {functionDeclarations}."),
        "toolConfig": _("Whether functions must, may or must not be called: {functionCallingConfig}."),
        "generationConfig": _(
            "How the answer is drawn, how long it is, what form it has and how much is thought: "
            "{maxOutputTokens, temperature, topP, topK, candidateCount, stopSequences, responseMimeType, "
            "responseSchema, thinkingConfig}."
        ),
        "safetySettings": _("Google's filters: {category, threshold}. Other servers are not told of them."),
    }
    contents: Objects
    system_instruction: dict[str, Any] | str | None = Field(default=None, alias="systemInstruction")
    tools: Objects | None = None
    tool_config: dict[str, Any] | None = Field(default=None, alias="toolConfig")
    generation_config: dict[str, Any] | None = Field(default=None, alias="generationConfig")
    safety_settings: Objects | None = Field(default=None, alias="safetySettings")


class CountTokensBody(EitherSpelling):
    """POST …:countTokens: contents, or a whole request."""

    descriptions = {
        "contents": GenerateContentBody.descriptions["contents"],
        "generateContentRequest": _("In place of contents: a whole request, as generateContent takes it."),
    }
    contents: Objects | None = None
    generate_content_request: dict[str, Any] | None = Field(default=None, alias="generateContentRequest")
