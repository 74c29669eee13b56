"""Files written into texts as data URIs, as Markdown's images are.

Some servers look at such an image, or leave it out, and say so truthfully in a small count; others read its letters.
"""

import re
from collections.abc import Mapping
from typing import Any

from gateway.adapters.chat.weight import content_text, made_images_weight

# Command lines break base64 into lines.
_LETTERS = r"[A-Za-z0-9+/=_\r\n-]*"
_DATA_URI = re.compile(rf"data:[\w.+/;=-]{{0,100}}?;base64,{_LETTERS}", re.ASCII)
_MORE_LETTERS = re.compile(_LETTERS)
# What ends the thinking that some models write into their text. Their templates leave it out of earlier answers.
_END_OF_THINKING = "</think>"
# A delta that weighs less begins no file: models say a few letters at a time, and who pastes a file, much.
PIECE_OF_A_FILE_WEIGHT = 64


class FilesSaid:
    """What of an answer, whole or in deltas, is files: images beside its text, and data URIs within it.

    `weight` is their part of `said_weight`; `goes_on` says that the last text ended within a file.
    """

    __slots__ = ("goes_on", "weight")

    def __init__(self) -> None:
        self.weight = 0
        self.goes_on = False

    def take(self, message: Mapping[str, Any]) -> None:
        """Count a message, or the next delta of one."""
        self.weight += made_images_weight(message)
        text = content_text(message.get("content"))
        begins = 0
        if self.goes_on:
            begins = _letters_at_the_start(text)
            self.weight += begins
            self.goes_on = begins == len(text)
        if "base64," in text:
            for found in _DATA_URI.finditer(text, begins):
                self.weight += len(found.group())
                self.goes_on = found.end() == len(text)


def surely_read(message: Mapping[str, Any]) -> str:
    """The text of a message of a request that no server leaves unread: without files, and without thinking."""
    text = content_text(message.get("content"))
    if message.get("role") == "assistant":
        text = text.rpartition(_END_OF_THINKING)[2]
    return _DATA_URI.sub("", text) if "base64," in text else text


def files_weight(body: Mapping[str, Any]) -> int:
    """What the data URIs in the texts of a chat's body weigh in an estimate."""
    messages = body.get("messages")
    texts = [
        content_text(message.get("content"))
        for message in (messages if isinstance(messages, list) else ())
        if isinstance(message, Mapping)
    ]
    return sum(
        len(found.group()) for text in texts if "base64," in text for found in _DATA_URI.finditer(text)
    )


def _letters_at_the_start(text: str) -> int:
    found = _MORE_LETTERS.match(text)
    return found.end() if found else 0
