"""What each field of the contracts means, in a sentence: for OpenAPI, the documentation and the workbench's forms.

Apart from the contracts, which are read on every call's path and say what is accepted. Pages translate these texts.
"""

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
BY_CONTRACT: dict[str, dict[str, str]] = {
    "TextChatBody": {
        "temperature": _("How freely words are chosen: 0 is the most predictable; 0.1 when left out."),
    },
    "TextEmbeddingBody": {
        "input": _("The text to embed."),
        "text": _("Another name for input; give one of the two."),
        "input_type": _("A hint for the model, such as query or document; any string is accepted."),
    },
    "OpenAIEmbeddingBody": {
        "input": _("A text, an array of texts, an array of token ids, or an array of such arrays."),
        "encoding_format": _("Whether vectors are arrays of numbers, or base64 of 32-bit floats."),
        "dimensions": _("The length of the vectors, where the model lets it be chosen."),
        "input_type": _("A hint for the model, such as query or document; any string is accepted."),
    },
    "PassageRerankBody": {
        "input": _("The candidates to rank, as an array of strings."),
        "documents": _("Another name for input; give one of the two."),
    },
    "OpenAIRerankBody": {"documents": _("The candidates to rank: strings, or objects with a text.")},
    "SpokenTextBody": {
        "text": _("The text to read aloud."),
        "speaker": _("Who speaks; GET /api/tts lists the speakers."),
        "instruct": _("How to speak: a style or a tone, in words."),
        "style_instruction": _("Another name for instruct; give one of the two."),
    },
    "OpenAISpeechBody": {
        "input": _("The text to read aloud."),
        "voice": _("Who speaks: a voice's name, or an object with its id."),
        "instructions": _("How to speak: a style or a tone, in words."),
        "response_format": _("The sound's format; mp3 when left out, or wav where the model has no other."),
        "speed": _("1 is the voice's own speed."),
        "stream_format": _("Only audio: the bytes themselves, as they come."),
    },
    "VoiceCloneForm": {
        "ref_audio": _("A sample of the voice, such as WAV or MP3."),
        "text": _("The text to speak in that voice."),
        "language": _("Korean, English, Chinese or Japanese."),
        "x_vector_only_mode": _(
            "true copies the timbre only and is faster; false also copies prosody and style, for which ref_text "
            "is recommended."
        ),
        "ref_text": _("What is said in the sample; recommended when x_vector_only_mode is false."),
    },
    "SpeechToTextForm": {
        "file": _("The audio file."),
        "task": _("transcribe keeps the language that is spoken; translate answers in English."),
        "beam_size": _("How many readings are weighed against one another; more are slower."),
        "vad_filter": _("Whether stretches without speech are left out."),
    },
    "OpenAITranscriptionForm": {
        "file": _("The audio file."),
        "prompt": _("Words that help with names and style, in the language of the sound."),
        "response_format": _("The transcript's format."),
        "timestamp_granularities": _("What verbose_json gives times for: words, segments, or both."),
        "stream": _("Only false: this endpoint answers in one piece."),
    },
    "ImageToTextForm": {
        "image": _("The image: JPG, PNG, WEBP or GIF."),
        "prompt": _("What to look for; when left out, the image is described and its text extracted."),
    },
    "TextToMusicBody": {
        "prompt": _("Mood, instruments, tempo and style, in words."),
        "audio_duration": _("The length in seconds."),
    },
    "TextToImageBody": {"prompt": _("What the image shows.")},
    "OpenAIImageBody": {
        "prompt": _("What the image shows."),
        "n": _("How many images; each is paid for."),
        "size": _("WIDTHxHEIGHT in pixels, as in 1024x1024, or auto."),
        "response_format": _("b64_json, or url for data URLs: images come inside the answer either way."),
        "output_format": _("The images' file format."),
        "stream": _("Only false: this endpoint answers in one piece."),
    },
}


def with_descriptions(contract: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The contract's JSON schema properties, each with its description; KeyError for a field that has none."""
    own = BY_CONTRACT.get(contract, {})
    return {
        name: {**schema, "description": own.get(name) or ANYWHERE[name]}
        for name, schema in properties.items()
    }
