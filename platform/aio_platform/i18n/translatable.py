"""Texts that are marked for the catalogue where they stand, in modules that are read before Django is set up.

A sentence with values in it is a `Message`: its template is what translators see, and its values are filled in last.
The API and the logs show it in English, a page in the visitor's language.
"""

from typing import NewType

from django.utils.translation import gettext

# English text that is in the catalogue. Values stand in it as %(name)s, and only then is a percent sign doubled.
Template = NewType("Template", str)


def gettext_noop(text: str) -> Template:
    """The text itself, which makemessages collects. Django's function of this name needs settings."""
    return Template(text)


class Message:
    """A sentence of ours with its values. A value that is a Message itself is translated with it."""

    __slots__ = ("template", "values")

    def __init__(self, template: Template, **values: object) -> None:
        self.template = template
        self.values = values

    @classmethod
    def verbatim(cls, words: str) -> "Message":
        """Words that are not ours, a library's or another service's: the same in every language."""
        return cls(Template("%(words)s"), words=words)

    def __str__(self) -> str:
        """The sentence in English."""
        return self.template % self.values if self.values else str(self.template)

    def translated(self) -> str:
        """The sentence in the language in force, or in English where nobody has translated it."""
        template = translated(self.template)
        if not self.values:
            return template
        return template % {
            name: value.translated() if isinstance(value, Message) else value
            for name, value in self.values.items()
        }


def translated(text: str) -> str:
    """A text without values in the language in force: one that was stored in English, for instance."""
    return gettext(text) if text else ""


def english_only(text: str) -> Template:
    """The text itself, which only operators see: commands speak English."""
    return Template(text)
