"""What fields of several contracts mean, in a sentence: for OpenAPI, the documentation and the workbench's forms.

A contract says itself what a field of its own means (`descriptions`). Pages translate these texts.
"""

from collections.abc import Mapping
from typing import Any

from aio_platform.i18n.translatable import gettext_noop as _

ANYWHERE = {
    "model": _("The model's slug or an alias; the endpoint's default model answers when it may be left out."),
    "input": _("The question, instruction or text."),
    "messages": _("The conversation so far: objects with a role and content, oldest first."),
    "temperature": _("How freely words are chosen: 0 is the most predictable."),
    "top_p": _("Chooses only from the likeliest words that together have this probability."),
    "n": _("How many answers to generate; each is paid for."),
    "max_tokens": _(
        "The most tokens that may be generated. It bounds the price that is held. More than the model gives is cut to "
        "that, and the header X-Max-Tokens-Clamped says to how many."
    ),
    "max_completion_tokens": _("The newer name of max_tokens; either bounds the price that is held."),
    "stream": _("Whether the answer is sent as server-sent events while it is generated."),
    "stream_options": _("Options of a stream: include_usage adds a chunk with the token counts."),
    "tools": _("Functions that the model may ask to have called."),
    "tool_choice": _("Whether a tool must, may or must not be called, or which one."),
    "response_format": _("Forces a form of answer, such as a JSON object or schema."),
    "reasoning_effort": _("How much the model thinks before it answers."),
    "include_thoughts": _("Whether the model's reasoning is part of the answer."),
    "seed": _("The same seed makes the same request more likely to be answered the same."),
    "stop": _("Texts at which the answer ends."),
    "presence_penalty": _("Above 0, words that have occurred become less likely."),
    "frequency_penalty": _("Above 0, words become less likely each time they occur."),
    "user": _("Your own name for the end user, passed on to the model's server."),
    "language": _("A language code such as ko, or a name such as korean; found out by itself when left out."),
    "prompt": _("What is asked for, in words."),
    "query": _("What the candidates are compared with."),
    "documents": _("The candidates to rank."),
    "top_n": _("Return only so many, the best first."),
    "return_documents": _("Whether the results repeat the documents' texts."),
    "negative_prompt": _("What the image should not show."),
    "quality": _("How much is spent on the image, for models whose price tells qualities apart."),
    "num_inference_steps": _("How many steps the image takes; more take longer and cost more."),
    "width": _("Width in pixels."),
    "height": _("Height in pixels."),
    "callback_url": _("An address of yours that is told when the task has ended."),
}


def with_descriptions(own: Mapping[str, str], properties: dict[str, Any]) -> dict[str, Any]:
    """A contract's JSON schema properties, each with its description; KeyError for a field that has none."""
    return {
        name: {**schema, "description": own.get(name) or ANYWHERE[name]}
        for name, schema in properties.items()
    }
