"""Code of an operation in the order of its tabs, with the visited host written out."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.openapi import code_samples
from gateway.openapi.examples import example_address, example_of
from gateway.openapi.genai_samples import genai_python
from gateway.openapi.openai_samples import openai_python
from gateway.openapi.presentation import Example

CODE = Path(__file__).parent / "code"
# The three ways in which samples write the base URL, with what each becomes on a page.
_SPELLINGS = (
    ("f\"{os.environ['AIO_BASE_URL']}", '"{host}'),
    ("${process.env.AIO_BASE_URL}", "{host}"),
    ("$AIO_BASE_URL", "{host}"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """`language` is what tabs are remembered by."""

    language: str
    label: str
    source: str

    def at_host(self, host: str) -> "Sample":
        """The same with the host written out; the key stays a variable, for keys do not belong into programs."""
        source = self.source
        for spelling, written in _SPELLINGS:
            source = source.replace(spelling, written.format(host=host))
        return Sample(self.language, self.label, source)


def samples_of(method: str, address: str) -> list[Sample]:
    """curl, Python (openai or google-genai, where it knows the address, and httpx) and JavaScript."""
    example = example_of(method, address) or Example()
    path = example_address(address, example)
    found = [Sample("curl", "curl", code_samples.curl(method, path, example))]
    with_openai = openai_python(method, address, example)
    if with_openai is not None:
        found.append(Sample("openai", "Python (openai)", with_openai))
    with_genai = genai_python(method, address)
    if with_genai is not None:
        found.append(Sample("google-genai", "Python (google-genai)", with_genai))
    found.append(Sample("httpx", "Python (httpx)", code_samples.python(method, path, example)))
    found.append(Sample("javascript", "JavaScript", code_samples.javascript(method, path, example)))
    return found


# Programs of the guides that are more than one request: files of their own, which tests run.
PROGRAMS = {
    "stream": (
        ("curl", "curl", "stream.sh"),
        ("openai", "Python (openai)", "stream_openai.py"),
        ("httpx", "Python (httpx)", "stream_httpx.py"),
        ("javascript", "JavaScript", "stream.mjs"),
    ),
    "poll_task": (("httpx", "Python (httpx)", "poll_task.py"), ("javascript", "JavaScript", "poll_task.mjs")),
    "verify_callback": (
        ("httpx", "Python", "verify_callback.py"),
        ("javascript", "JavaScript", "verify_callback.mjs"),
    ),
}


@cache
def program(name: str) -> tuple[Sample, ...]:
    """A guide's program in its languages."""
    return tuple(
        Sample(language, label, (CODE / file).read_text("utf-8")) for language, label, file in PROGRAMS[name]
    )
