"""What a view says of itself to readers: an example, its page in the documentation, its form in the workbench.

Texts are marked where they stand (`gettext_noop`), and translated where they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, NamedTuple

from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from gateway.endpoints import ENDPOINTS

# The files of examples are what other examples make: the speech of /api/tts, the image of /api/t2i.
SPEECH_FILE = "speech.wav"
IMAGE_FILE = "image.png"
# The kinds of files that forms take, as HTML has them.
IMAGE_FILES = "image/png,image/jpeg,image/webp,image/gif"
SOUND_FILES = "audio/*"
# The workbench's groups, in their order, and what they are called.
TEXT, SOUND, IMAGES, TASKS = range(4)
GROUP_NAMES = (_("Text"), _("Sound"), _("Pictures"), _("Tasks"))


@dataclass(frozen=True)
class Example:
    """A request: JSON, or a form's fields with its files by field; and what to keep a binary answer as.

    `path` has values of the path's variables where those that stand for them everywhere do not fit.
    """

    json: Mapping[str, Any] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    save_as: str | None = None
    path: Mapping[str, str] = field(default_factory=dict)


class OpenAICall(NamedTuple):
    """A method of OpenAI's own Python client, and the fields it knows; others go into extra_body."""

    method: str
    fields: frozenset[str]


class GenaiCall(NamedTuple):
    """A method of `client.models` of Google's own Python client, and what it is given."""

    method: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DocsPage:
    """The page about an address, or about several. Those of a mount are listed in the order of `place`."""

    slug: str
    title: str
    lead: str
    place: int


@dataclass(frozen=True, slots=True)
class WorkbenchForm:
    """A form in the workbench: `slug` names it in the page's address, `place` orders it within its group.

    `main` are the fields shown first, `other_names` those that are left out because they say the same as another, or
    can only be refused; `accepts` are the kinds of its file, as HTML has them.
    """

    slug: str
    name: str
    group: int
    place: int
    main: tuple[str, ...] = ()
    other_names: frozenset[str] = frozenset()
    accepts: str = ""


class Presented:
    """A view of an endpoint. Nothing of this is looked at when a call is carried out."""

    example: ClassVar[Example | None] = None
    openai_call: ClassVar[OpenAICall | None] = None
    genai_call: ClassVar[GenaiCall | None] = None
    docs_page: ClassVar[DocsPage | None] = None
    workbench_form: ClassVar[WorkbenchForm | None] = None
    session_allowed: ClassVar[bool] = False


@cache
def presented_views() -> Mapping[tuple[str, str], type[Presented]]:
    """The views of all endpoints by method and path, in the registry's order."""
    return {
        (address.method, address.path): import_string(address.view)
        for each in ENDPOINTS
        for address in each.addresses
    }
