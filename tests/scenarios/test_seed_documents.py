"""The two public documents' own examples, with only host and key replaced: each answers as its document says.

Requests and answers are read from the documents' text, kept beside this file, and sent as they stand there.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import media_files as made
import pytest
from running_platform import RunningPlatform
from scenarios.asking import Stream

SEEDS = Path(__file__).resolve().parent / "seeds"
OMAKASE = (SEEDS / "omakase-docs.txt").read_text()
API_IN_ONE = (SEEDS / "apiinone-docs.txt").read_text()
SOUND, IMAGE = made.wav(600), made.png(64, 48)


@dataclass(frozen=True)
class Block:
    """One endpoint of Omakase's reference: where, with what, and what it answers."""

    path: str
    content_type: str
    request: str
    success: str

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.request)
        return found

    def fields(self) -> list[tuple[str, str]]:
        """Each form field's name and what is said of it."""
        names = r"(?:^|\s)([a-z_0-9]+) — (.*?)(?=\s+[a-z_0-9]+ — |$)"
        return re.findall(names, self.request.removeprefix("Fields:"), re.S)  # type: ignore[no-any-return]

    def required(self) -> list[str]:
        return [name for name, said in self.fields() if "required" in said]


def blocks() -> dict[str, Block]:
    found = re.findall(
        r"^(/api/\S+?)Body \(([\w/-]+)\)\nrequest\n(.*?)\s*Success \(200\)\nresponse\n(.*?)\n?- ",
        OMAKASE,
        re.S | re.M,
    )
    return {path: Block(path, *rest) for path, *rest in found}


BLOCKS = blocks()
JSON_BLOCKS = [block for block in BLOCKS.values() if block.content_type == "application/json"]
FORM_BLOCKS = [block for block in BLOCKS.values() if block.content_type == "multipart/form-data"]


def assert_as_documented(block: Block, answer: httpx.Response) -> None:
    """The status and the shape that the document gives for success."""
    assert answer.status_code == 200, answer.text
    kind = answer.headers["Content-Type"].partition(";")[0]
    if block.success.startswith("Content-Type:"):
        documented = block.success.split()[1]
        assert kind.partition("/")[0] == documented.partition("/")[0]
        assert len(answer.content) > 100
        return
    assert kind == "application/json"
    if block.success.startswith("{"):
        names = re.findall(r'"(\w+)":', block.success)
        assert list(answer.json()) == names
        (value,) = answer.json().values()
        assert value
        assert isinstance(value, list if "[" in block.success else str)
    else:
        assert "as-is" in block.success or "passed through" in block.success
        assert answer.json()


def test_the_reference_is_read_whole() -> None:
    names = ("chat", "embedding", "rerank", "tts", "stt", "voice-clone", "image2text", "t2m", "t2i")
    assert list(BLOCKS) == [f"/api/{name}" for name in names]
    assert len(FORM_BLOCKS) == 3


@pytest.mark.parametrize("block", JSON_BLOCKS, ids=lambda block: block.path)
def test_a_body_of_omakases_reference_answers_as_documented(block: Block, client: httpx.Client) -> None:
    sent = {"content": block.request.encode(), "headers": {"Content-Type": "application/json"}}

    assert_as_documented(block, client.post(block.path, **sent))


@pytest.mark.parametrize("block", FORM_BLOCKS, ids=lambda block: block.path)
@pytest.mark.parametrize("fields", ["required", "all"])
def test_a_form_of_omakases_reference_answers_as_documented(
    block: Block, fields: str, client: httpx.Client
) -> None:
    files, data = {}, {}
    for name, said in block.fields():
        if "file" in said:
            files[name] = ("a.png", IMAGE) if "image" in said else ("a.wav", SOUND)
        elif fields == "all" or "required" in said:
            data[name] = VALUES[name]

    assert_as_documented(block, client.post(block.path, files=files, data=data))


# One documented value for each field of a form.
VALUES = {
    "text": "text to synthesize",
    "language": "Korean",
    "task": "transcribe",
    "beam_size": "5",
    "vad_filter": "true",
    "x_vector_only_mode": "true",
    "ref_text": "reference transcript",
    "prompt": "analysis instruction",
    "temperature": "0.1",
}


@pytest.mark.parametrize(
    ("path", "name"),
    [(block.path, name) for block in FORM_BLOCKS for name in block.required()],
)
def test_a_missing_required_field_is_a_400_that_names_it(path: str, name: str, client: httpx.Client) -> None:
    block = BLOCKS[path]
    files, data = {"unrelated": (None, "x")}, {}
    for other, said in block.fields():
        if "required" not in said or other == name:
            continue
        if "file" in said:
            files[other] = ("a.wav", SOUND)  # type: ignore[assignment]
        else:
            data[other] = VALUES[other]

    answer = client.post(path, files=files, data=data)

    assert answer.status_code == 400
    assert name in answer.json()["error"]


def test_the_curl_quickstart_answers(client: httpx.Client) -> None:
    url, body = re.findall(r'curl -X POST "http://[^/]+(/\S+)" .*?-d \'(.*?)\'', OMAKASE, re.S)[0]

    answer = client.post(url, json=json.loads(body))

    assert answer.status_code == 200
    assert answer.json()["text"] == answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(("alias", "name"), [("text", "input")])
def test_the_alias_of_embeddings_is_the_same(alias: str, name: str, client: httpx.Client) -> None:
    assert f"`{alias}` is also accepted and normalized to `{name}`" in OMAKASE

    assert client.post("/api/embedding", json={alias: "a"}).json() == (
        client.post("/api/embedding", json={name: "a"}).json()
    )


def test_the_speaker_list_is_the_upstreams(client: httpx.Client) -> None:
    assert "Speaker list: `GET /api/tts`" in OMAKASE

    answer = client.get("/api/tts")

    assert answer.status_code == 200
    assert "Ryan" in answer.json()["speakers"]


@pytest.mark.parametrize(
    ("status", "path", "body"),
    [
        (400, "/api/rerank", {"query": "", "input": ["a"]}),
        (401, "/api/chat", {"input": "a"}),
        (502, "/api/chat", {"input": "[[sbx:empty]]"}),
    ],
)
def test_omakases_errors_carry_a_message(
    status: int, path: str, body: dict[str, Any], client: httpx.Client
) -> None:
    assert str(status) in OMAKASE
    headers = {"Authorization": "Bearer <your_access_token>"} if status == 401 else {}

    answer = client.post(path, json=body, headers=headers)

    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["error"], str)


def numbered_json(after: str, nth: int = 0) -> Any:
    """The JSON that API in One's page shows after a text: its line numbers stand between the lines."""
    text = API_IN_ONE[API_IN_ONE.index(after) + len(after) :]
    lines = [line for line in text.split("\n") if not re.fullmatch(r"\d+", line)]
    joined = "\n".join(lines)
    for _ in range(nth + 1):
        joined = joined[joined.index("{") :]
        value, end = json.JSONDecoder().raw_decode(joined)
        joined = joined[end:]
    return value


def assert_has_shape(given: Any, documented: Any, where: str = "$") -> None:
    """Every documented field is there, of the documented type; more may be there."""
    if isinstance(documented, dict):
        assert isinstance(given, dict), where
        for name, value in documented.items():
            assert name in given, f"{where}.{name}"
            assert_has_shape(given[name], value, f"{where}.{name}")
    elif isinstance(documented, list):
        assert isinstance(given, list), where
        for index, value in enumerate(documented):
            assert_has_shape(given[index], value, f"{where}[{index}]")
    elif isinstance(documented, int):
        assert isinstance(given, (int, float)), where
    else:
        assert isinstance(given, type(documented)), where


CHAT = {"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}]}


def test_api_in_ones_chat_answers_in_the_documented_shape(client: httpx.Client) -> None:
    answer = client.post("/api/v1/chat/completions", json={**CHAT, "stream": False})

    assert answer.status_code == 200
    assert_has_shape(
        answer.json(), numbered_json("OpenAI 호환 형식으로 단일 요청에서 직접 응답을 반환합니다.")
    )


def test_api_in_ones_chat_streams_by_default(client: httpx.Client) -> None:
    assert "Enable SSE streaming. Responses are sent as Server-Sent Events. Defaults to true." in API_IN_ONE

    answer = client.post("/api/v1/chat/completions", json=CHAT)

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert Stream.of(answer.text).done


@pytest.mark.parametrize(
    "more",
    [
        {"include_thoughts": True},
        {"reasoning_effort": "low"},
        {"reasoning_effort": "high"},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        {
            "messages": [
                {"role": role, "content": "a"} for role in ("system", "developer", "assistant", "user")
            ]
        },
    ],
    ids=lambda more: " ".join(more),
)
def test_api_in_ones_documented_parameters_are_taken(more: dict[str, Any], client: httpx.Client) -> None:
    assert all(f"{name}:" in API_IN_ONE for name in more)

    answer = client.post("/api/v1/chat/completions", json={**CHAT, "stream": False, **more})

    assert answer.status_code == 200, answer.text


def bodies_of_tasks() -> list[tuple[str, str]]:
    """Each `curl` of API in One's page: its path and its body, without the page's line numbers."""
    text = "\n".join(line for line in API_IN_ONE.split("\n") if not re.fullmatch(r"\d+", line))
    found = re.findall(r"curl-X POST https://apiin\.one(/\S+?)\\\n(?:-H[^\n]*\n)*-d '(\{.*?\})'", text, re.S)
    # Of the music's example the page has lost its beginning: what is left of it is sent to the model that it is of.
    (rest,) = re.findall(r'^("prompt": "Verse 1:.*?\})\'$', text, re.S | re.M)
    return [*found, ("/api/v1/audio/music", '{"model": "suno", ' + rest)]


def test_every_kind_of_task_is_among_the_examples() -> None:
    assert {path.removeprefix("/api/v1/") for path, _ in bodies_of_tasks()} == {
        "images/generations",
        "videos/generations",
        "audio/music",
        "audio/speech",
        "images/tools/remove-bg",
        "videos/tools/bg-remover",
    }


@pytest.mark.parametrize(("path", "body"), bodies_of_tasks(), ids=lambda value: value[:40])
def test_a_body_of_api_in_ones_page_opens_its_task(path: str, body: str, client: httpx.Client) -> None:
    answer = client.post(path, content=body.encode(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 200, answer.text
    assert_has_shape(
        answer.json(), {"code": 200, "message": "success", "data": {"task_id": "x", "status": "IN_PROGRESS"}}
    )
    assert "warnings" not in answer.json()["data"]


def test_the_general_form_of_a_request_opens_a_task_and_says_what_was_ignored(client: httpx.Client) -> None:
    answer = client.post(
        "/api/v1/images/generations", json=numbered_json("추가 매개변수는 모델에 따라 다릅니다.")
    )

    assert answer.status_code == 200, answer.text


def test_api_in_ones_errors_have_the_documented_shape(platform: RunningPlatform) -> None:
    documented = numbered_json("endpoints_desc")
    poor = platform.new_tenant(credits="0.000001")
    limited = platform.new_tenant(plan="standard")
    nobody = {"Authorization": "Bearer aio_your_api_key_here"}
    free = {**CHAT, "model": "free-chat", "stream": False}
    with platform.client(poor) as client, platform.client(limited) as often:
        for _ in range(60):
            assert often.post("/api/v1/chat/completions", json=free).status_code == 200
        answers = [
            client.post("/api/v1/chat/completions", json={"model": "gemini"}),
            client.post("/api/v1/chat/completions", json=CHAT, headers=nobody),
            client.post("/api/v1/chat/completions", json=CHAT),
            client.post("/api/v1/chat/completions", json={**CHAT, "model": "no-such"}),
            often.post("/api/v1/chat/completions", json=free),
        ]

    listed = re.findall(r"^(\d{3}):optional (\w+)$", API_IN_ONE, re.M)
    told = {(str(answer.status_code), answer.json()["error"]["type"]) for answer in answers}
    assert told == {pair for pair in listed if pair[0] != "500"}
    for answer in answers:
        assert_has_shape(answer.json(), documented)
        assert answer.json()["error"]["code"] == answer.status_code
