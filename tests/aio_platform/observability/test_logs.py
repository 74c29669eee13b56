"""Logs are JSON lines, whoever writes them, and hold no key and no prompt."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
KEY = "aio_" + "K" * 38
PROMPT = "the prompt nobody may read"


def logged(code: str, log_format: str = "json", level: str = "INFO") -> str:
    """What a process with our logs writes to standard error."""
    completed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import logging, structlog\n"
            "from aio_platform.observability.logs import configure_logs\n"
            f"configure_logs({log_format!r}, {level!r})\n"
            "log = structlog.get_logger('aio_platform.tests')\n" + code,
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout == ""
    return completed.stderr


def lines(code: str, **options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged(code, **options).splitlines()]


def test_a_record_is_one_json_object_on_one_line() -> None:
    [line] = lines("log.warning('two\\nlines', number=3, text='한국어')")
    assert line["event"] == "two\nlines"
    assert line["level"] == "warning"
    assert line["logger"] == "aio_platform.tests"
    assert (line["number"], line["text"]) == (3, "한국어")
    assert line["timestamp"].endswith("Z")


def test_the_standard_librarys_records_take_the_same_form() -> None:
    [line] = lines("logging.getLogger('django.db').warning('slow %s', 'query')")
    assert (line["event"], line["level"], line["logger"]) == ("slow query", "warning", "django.db")


def test_a_trace_is_part_of_its_line() -> None:
    for line in lines(
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
        "    log.error('bug', exc_info=error)\n    logging.getLogger('other').exception('bug')\n"
    ):
        assert line["event"] == "bug"
        assert "ZeroDivisionError" in line["exception"]


def test_the_request_id_is_on_every_line_while_it_is_bound() -> None:
    first, second = lines(
        "with structlog.contextvars.bound_contextvars(request_id='req_1'):\n    log.info('in')\nlog.info('out')"
    )
    assert first["request_id"] == "req_1"
    assert "request_id" not in second


def test_what_is_below_the_level_and_the_chatter_of_libraries_is_left_out() -> None:
    assert lines("log.info('quiet')", level="WARNING") == []
    assert lines("logging.getLogger('httpx').info('GET'); logging.getLogger('uvicorn').info('up')") == []
    assert lines("logging.getLogger('django.request').warning('Not Found')") == []


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_bugs_trace_shows_no_value_of_the_call_that_met_it(log_format: str) -> None:
    text = logged(
        "from aio_platform import problems\n"
        "def view(body, authorization):\n"
        "    raise RuntimeError('unforeseen')\n"
        "def carry(key, prompt):\n"
        "    view({'messages': [prompt]}, 'Bearer ' + key)\n"
        f"parts = ({KEY[:20]!r} + {KEY[20:]!r}, {PROMPT[:9]!r} + {PROMPT[9:]!r})\n"
        "try:\n    carry(*parts)\n"
        "except RuntimeError as error:\n    problems.as_platform_error(error)\n",
        log_format=log_format,
    )
    assert "unforeseen" in text
    assert KEY not in text
    assert PROMPT not in text
    assert "messages" not in text


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_body_that_breaks_its_contract_is_not_logged(log_format: str) -> None:
    text = logged(
        "from aio_platform.errors import InvalidRequest\n"
        "from gateway.api.chat.bodies import ChatCompletionBody\n"
        "from gateway.contracts.parsing import parse_body\n"
        f'body = b\'{{"model": "m", "messages": [{{"role": "{PROMPT}"}}], "user": "{KEY}"}}\'\n'
        "try:\n    parse_body(ChatCompletionBody, body, 'application/json')\n"
        "except InvalidRequest as error:\n    log.exception(error.message)\n",
        log_format=log_format,
    )
    assert "InvalidRequest" in text
    assert KEY not in text
    assert PROMPT not in text
