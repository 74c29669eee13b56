"""The workbench: forms made from what the API validates with, prices before the call, and the call as programs."""

import ast
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import resolve

from accounts.models import Membership
from gateway.api.new_tasks import NewTaskView
from gateway.docs_site import prices
from gateway.endpoints import TASK_ENDPOINT_NAMES
from gateway.openapi.schemas import json_body
from gateway.pages.workbench_code import Code, code_of
from gateway.pages.workbench_endpoints import BY_SLUG, ENDPOINTS, WorkbenchEndpoint
from gateway.pages.workbench_forms import Field, Form, form_of
from gateway.task_models.shipped import SHIPPED
from gateway.urls import urlpatterns
from tests.gateway.team import ROLES, Team

SANDBOX_CATALOG = Path(settings.ROOT) / "gateway" / "catalogs" / "sandbox.toml"
WITH_CONTRACT = [each for each in ENDPOINTS if each.has_body and not each.is_task]
BASE = "https://aio.example"


@pytest.fixture
def catalog(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AIO_SANDBOX_URL", "http://127.0.0.1:9")
    call_command("load_catalog", str(SANDBOX_CATALOG), verbosity=0)
    prices._read.cache_clear()
    yield
    prices._read.cache_clear()


Preview = Callable[..., Any]


@pytest.fixture
def preview(catalog: None, team: Team) -> Preview:
    def ask(endpoint: str, values: Any = None, file: Any = None, role: str = "developer") -> Any:
        return team.clients[role].post(
            "/workbench/preview",
            json.dumps({"endpoint": endpoint, "values": {} if values is None else values, "file": file}),
            content_type="application/json",
        )

    return ask


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
def test_every_endpoint_is_called_at_its_own_address_and_takes_a_session(endpoint: WorkbenchEndpoint) -> None:
    view = resolve(endpoint.path, "gateway.urls").func.view_class  # type: ignore[attr-defined]
    if endpoint.is_task:
        assert issubclass(view, NewTaskView)
        return
    assert endpoint.view is not None
    assert endpoint.view().session_allowed
    if endpoint.has_body:
        assert view is endpoint.view


def test_every_endpoint_that_takes_a_session_is_in_the_workbench() -> None:
    views = {
        pattern.callback.view_class for pattern in urlpatterns if hasattr(pattern.callback, "view_class")
    }
    in_workbench = {each.view for each in ENDPOINTS}
    of_tasks = {view for view in views if issubclass(view, NewTaskView)}
    assert {view for view in views if getattr(view, "session_allowed", False)} - of_tasks <= in_workbench
    assert set(TASK_ENDPOINT_NAMES) <= {each.slug for each in ENDPOINTS}


def fields_of(form: Form) -> dict[str, Field]:
    return {field.name: field for field in form.fields}


@pytest.mark.parametrize("endpoint", WITH_CONTRACT, ids=lambda each: each.slug)
def test_a_form_has_every_field_of_the_contract_with_its_limits(endpoint: WorkbenchEndpoint) -> None:
    schema: Any = json_body(endpoint.view().contract)["application/json"]  # type: ignore[misc, union-attr, arg-type]
    form = form_of(endpoint, "", {})
    fields = fields_of(form)
    assert set(schema["properties"]) == (
        (set(fields) - {endpoint.file_field}) | set(form.only_in_json) | endpoint.other_names | {"model"}
    )
    assert set(endpoint.main) <= set(fields)
    assert endpoint.other_names.isdisjoint(fields)
    for name, field in fields.items():
        if field.kind == "file":
            continue
        node = schema["properties"][name]
        branch = next(branch for branch in node.get("anyOf", [node]) if branch.get("type") != "null")
        assert field.required == (name in schema.get("required", ()))
        assert field.default == node.get("default")
        assert field.doc == node.get("description", "")
        assert field.max_length == branch.get("maxLength")
        if "minimum" in branch:
            assert field.minimum == branch["minimum"]
        if "exclusiveMaximum" in branch:
            assert field.maximum == branch["exclusiveMaximum"] - 1
        if "enum" in branch:
            assert field.choices == tuple(branch["enum"])


@pytest.mark.parametrize("slug", SHIPPED.slugs())
def test_a_task_models_form_has_every_parameter_as_declared(slug: str) -> None:
    described = SHIPPED.describe(slug)
    fields = fields_of(form_of(BY_SLUG[described["endpoint"]], slug, {}))
    assert set(fields) == {parameter["name"] for parameter in described["parameters"]} | {"callback_url"}
    for parameter in described["parameters"]:
        field = fields[parameter["name"]]
        assert (field.required, field.default, field.doc) == (
            parameter["required"], parameter["default"], parameter["doc"],
        )  # fmt: skip
        assert (field.minimum, field.maximum) == (parameter.get("minimum"), parameter.get("maximum"))
        for choices in ("choices", "allowed", "snaps"):
            if choices in parameter:
                assert list(field.choices) == parameter[choices]


def test_every_endpoint_and_model_has_a_page(catalog: None, team: Team) -> None:
    shown = 0
    for endpoint in ENDPOINTS:
        for price in prices.prices_of(endpoint.endpoint):
            answer = team.get(f"/workbench?endpoint={endpoint.slug}&model={price.model.slug}", "developer")
            assert answer.status_code == 200
            assert answer.context["model"] == price.model.slug
            assert f'data-path="{endpoint.path}"' in answer.content.decode()
            shown += 1
    assert shown > len(ENDPOINTS)


def test_an_alias_of_a_model_is_that_model(catalog: None, team: Team) -> None:
    assert team.get("/workbench?endpoint=chat&model=gemini-3-flash").context["model"] == "gemini"


@pytest.mark.parametrize(
    ("query", "status"), [("endpoint=no", 400), ("model=no", 404), ("endpoint=chat&model=suno", 404)]
)
def test_what_is_not_there_says_so(query: str, status: int, catalog: None, team: Team) -> None:
    assert team.get(f"/workbench?{query}").status_code == status


def test_without_a_catalog_the_page_says_so(team: Team) -> None:
    prices._read.cache_clear()
    assert "No model of the catalog" in team.get("/workbench").content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_a_viewer_sees_and_cannot_run(role: str, catalog: None, team: Team) -> None:
    page = team.get("/workbench", role).content.decode()
    assert ('id="run" disabled' in page) == (role == "viewer")


def test_nobody_signed_in_is_sent_to_sign_in(catalog: None) -> None:
    assert Client().get("/workbench").status_code == 302


def test_a_preview_takes_a_post_with_a_token(catalog: None, team: Team) -> None:
    assert team.get("/workbench/preview", "developer").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(Membership.objects.get(account=team.account, role="owner").user)
    assert strict.post("/workbench/preview", "{}", content_type="application/json").status_code == 403


SOUND = {"name": "a.wav", "size_bytes": 64_044, "content_type": "audio/x-wav", "audio_ms": 2000}
IMAGE = {"name": "a.png", "size_bytes": 1000, "content_type": "image/png", "audio_ms": None}
# What each holds in the sandbox's catalog, worked out from its rates by hand.
CEILINGS: list[tuple[str, dict[str, Any], Any, str]] = [
    ("chat", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 1000}, None, "1.5425"),
    ("text_chat", {"input": "hello", "max_tokens": 1000}, None, "1.5425"),
    ("embeddings", {"input": "hello"}, None, "0.00042"),
    ("speech", {"text": "a" * 1000}, None, "15"),
    ("voices", {}, None, "0"),
    ("voice_clone", {"text": "a" * 1000}, SOUND, "20"),
    ("transcription", {"language": "en"}, SOUND, "0.2"),
    ("transcription", {}, SOUND | {"audio_ms": None}, "6.4044"),
    ("images", {"prompt": "a", "width": 1000, "height": 1000, "num_inference_steps": 10}, None, "1.2"),
    ("music", {"prompt": "a", "audio_duration": 30}, None, "6"),
    ("image_task", {"model": "flux-2", "prompt": "a cat", "type": "flex"}, None, "9"),
    ("remove_bg", {"image": "https://example.com/a.jpg"}, None, "1"),
]


@pytest.mark.parametrize(("endpoint", "values", "file", "credits"), CEILINGS)
def test_the_ceiling_is_told_before_the_call_and_nothing_is_held(
    endpoint: str, values: dict[str, Any], file: Any, credits: str, preview: Preview
) -> None:
    told = preview(endpoint, values, file).json()
    if endpoint in ("chat", "text_chat", "embeddings"):
        # The prompt's bound is the adapter's business; what it must be is at least the price of what is said.
        assert float(told["ceiling"]) > 0
    else:
        assert told["ceiling"] == credits
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM usage_hold")
        assert cursor.fetchone()[0] == 0


@pytest.mark.parametrize(
    ("endpoint", "values", "file", "param"),
    [
        ("chat", {}, None, "input"),
        ("chat", {"messages": [{"role": "user", "content": []}]}, None, "messages.0.content"),
        ("embeddings", {"input": ""}, None, "input"),
        ("speech", {"text": "a", "speaker": "nobody"}, None, "voice"),
        ("transcription", {}, None, "file"),
        ("vision", {"temperature": "9"}, IMAGE, "temperature"),
        ("images", {"prompt": "a", "width": 1}, None, "width"),
        ("image_task", {"model": "flux-2", "prompt": "a cat", "resolution": "8K"}, None, "resolution"),
        ("image_task", {"model": "nothing", "prompt": "a cat"}, None, "model"),
        ("chat", {"model": 5}, None, "model"),
    ],
)
def test_what_is_not_a_request_yet_has_a_problem_and_no_ceiling(
    endpoint: str, values: dict[str, Any], file: Any, param: str, preview: Preview
) -> None:
    answer = preview(endpoint, values, file)
    assert answer.status_code == 200
    assert "ceiling" not in answer.json()
    assert answer.json()["problem"]["param"] == param
    assert answer.json()["code"], "it can be copied all the same"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("[]", 400),
        ("{", 400),
        ('{"endpoint": "no", "values": {}}', 400),
        ('{"endpoint": ["chat"], "values": {}}', 400),
        ('{"endpoint": "chat", "values": []}', 400),
        ('{"endpoint": "vision", "values": {}, "file": 5}', 400),
        (
            '{"endpoint": "vision", "values": {}, "file": {"name": "a", "size_bytes": "x", "content_type": ""}}',
            400,
        ),
        ('{"endpoint": "chat", "values": {"x": "' + "a" * 1_100_000 + '"}}', 413),
    ],
)
def test_a_preview_of_nonsense_is_refused(body: str, status: int, catalog: None, team: Team) -> None:
    answer = team.clients["owner"].post("/workbench/preview", body, content_type="application/json")
    assert answer.status_code == status
    assert answer.json()["error"]


NASTY = 'it\'s "quoted"; $HOME `id` \\n @file <tag> 고양이\nline, two'


def source(codes: list[Code], language: str) -> str:
    return next(code.source for code in codes if code.language == language)


def test_curl_sends_the_very_words_whatever_is_in_them() -> None:
    values = {"model": "gemini", "input": NASTY}
    words = shlex.split(
        source(code_of(BY_SLUG["text_chat"], BASE, values, None), "curl").replace("\\\n", " ")
    )
    assert words[0] == "curl"
    assert f"{BASE}/api/chat" in words
    assert json.loads(words[words.index("-d") + 1]) == values


def test_curl_sends_a_forms_fields_as_text_and_never_as_files() -> None:
    values = {"prompt": "@/etc/passwd;type=text/html", "temperature": "0.1"}
    words = shlex.split(
        source(code_of(BY_SLUG["vision"], BASE, values, 'my "cat", 1.png'), "curl").replace("\\\n", " ")
    )
    assert words[words.index("--form-string") + 1] == "prompt=@/etc/passwd;type=text/html"
    assert 'image=@"my _cat_, 1.png"' in words


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.slug)
@pytest.mark.parametrize("stream", [False, True])
def test_python_is_python_and_says_what_was_sent(endpoint: WorkbenchEndpoint, stream: bool) -> None:
    values: dict[str, Any] = {"model": "m", "prompt": NASTY} | ({"stream": True} if stream else {})
    codes = code_of(endpoint, BASE, values if endpoint.has_body else {}, "a'b.wav")
    for language in ("python", "openai"):
        tree = ast.parse(source(codes, language))
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        assert any(BASE in text for text in texts if isinstance(text, str))
        assert not endpoint.has_body or NASTY in texts
        assert "AIO_API_KEY" in texts
    for code in codes:
        assert "AIO_BASE_URL" not in code.source
        assert "sessionid" not in code.source


def test_the_page_asks_the_database_little(
    catalog: None, team: Team, django_assert_max_num_queries: Any
) -> None:
    team.get("/workbench", "owner")
    with django_assert_max_num_queries(12):
        team.get("/workbench", "owner")
