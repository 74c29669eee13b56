"""Claude Code and Codex, unmodified, each complete one edit of a file, with a model of any dialect behind it."""

import json
from pathlib import Path
from typing import Any

import pytest
from contract.agents import AFTER, FILE, Workplace, program_of, prompt_of
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books

pytestmark = pytest.mark.clients
MODELS = ("claude", "gpt", "gemini", "gemini-pro")
DONE = {"text": "I changed it."}
CODE = (
    'const done = await tools.exec_command({cmd: "sed -i s/hello/goodbye/ greeting.txt"}); text(done.output);'
)
PATCH = f"*** Begin Patch\n*** Update File: {FILE}\n@@\n-hello\n+goodbye\n*** End Patch\n"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace.under(tmp_path)


def assert_done_and_charged(place: Workplace, served: RunningPlatform, tenant: Tenant, calls: int) -> None:
    """The one edit is made, and each of the agent's calls has succeeded and has its price."""
    assert place.file.read_text() == AFTER
    assert place.changed() == [FILE]
    with served.client(tenant) as client:
        books = Books(client)
        receipts = books.calls()
        assert [call["outcome"] for call in receipts] == ["succeeded"] * calls
        assert all(call["capture_microcredits"] > 0 for call in receipts)
        assert books.spent() == sum(call["capture_microcredits"] for call in receipts)
        assert books.refusals() == {}


def run_claude(place: Workplace, served: RunningPlatform, tenant: Tenant, model: str, prompt: str) -> Any:
    printed = place.run(
        [
            *program_of("@anthropic-ai/claude-code", "cli-wrapper.cjs"),
            *("-p", prompt, "--output-format", "json"),
            *("--permission-mode", "acceptEdits", "--allowedTools", "ToolSearch,Bash"),
        ],
        {
            "ANTHROPIC_BASE_URL": served.base_url,
            "ANTHROPIC_AUTH_TOKEN": tenant.key,
            "ANTHROPIC_MODEL": model,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "1",
        },
    )
    return json.loads(printed)


@pytest.mark.parametrize("model", MODELS)
def test_claude_code_edits_a_file(
    model: str, place: Workplace, served: RunningPlatform, tenant: Tenant
) -> None:
    edit = {"file_path": str(place.file), "old_string": "hello", "new_string": "goodbye"}
    steps = [
        {"tool": "Read", "arguments": {"file_path": str(place.file)}},
        {"tool": "Edit", "arguments": edit},
        DONE,
    ]
    told = run_claude(place, served, tenant, model, prompt_of(steps))

    assert (told["is_error"], told["result"], told["num_turns"]) == (False, DONE["text"], 3)
    assert_done_and_charged(place, served, tenant, calls=3)


@pytest.mark.parametrize("model", ["claude", "gemini"])
def test_claude_code_finds_its_deferred_tools(
    model: str, place: Workplace, served: RunningPlatform, tenant: Tenant
) -> None:
    """What its search of tools gives back is refused nowhere."""
    steps = [
        {"tool": "ToolSearch", "arguments": {"query": "select:NotebookEdit", "max_results": 5}},
        {"tool": "Bash", "arguments": {"command": f"sed -i s/hello/goodbye/ {FILE}"}},
        DONE,
    ]
    told = run_claude(place, served, tenant, model, prompt_of(steps))

    assert (told["is_error"], told["result"]) == (False, DONE["text"])
    assert_done_and_charged(place, served, tenant, calls=3)


def test_claude_code_says_that_a_key_is_wrong(
    place: Workplace, served: RunningPlatform, tenant: Tenant
) -> None:
    stranger = Tenant("", "", "aio_" + "a" * 38, "")
    with pytest.raises(AssertionError, match="401"):
        run_claude(place, served, stranger, "claude", "hello")


def run_codex(
    place: Workplace, served: RunningPlatform, tenant: Tenant, model: str, prompt: str
) -> list[dict[str, Any]]:
    """The events that it prints."""
    (place.home / "config.toml").write_text(
        f'model = "{model}"\n'
        'model_provider = "aio"\n'
        "[model_providers.aio]\n"
        'name = "AIO"\n'
        f'base_url = "{served.base_url}/v1"\n'
        'env_key = "AIO_KEY"\n'
        'wire_api = "responses"\n'
    )
    printed = place.run(
        [
            *program_of("@openai/codex", "bin/codex.js"),
            *("exec", "--json", "--dangerously-bypass-approvals-and-sandbox", prompt),
        ],
        {"CODEX_HOME": str(place.home), "AIO_KEY": tenant.key},
    )
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def said_by_codex(events: list[dict[str, Any]]) -> list[str]:
    items = [event["item"] for event in events if event["type"] == "item.completed"]
    return [item["text"] for item in items if item["type"] == "agent_message"]


@pytest.mark.parametrize("model", MODELS)
def test_codex_edits_a_file(model: str, place: Workplace, served: RunningPlatform, tenant: Tenant) -> None:
    command = {"cmd": f"sed -i s/hello/goodbye/ {FILE}"}
    prompt = prompt_of([{"tool": "exec_command", "arguments": command}, DONE])
    events = run_codex(place, served, tenant, model, prompt)

    assert said_by_codex(events) == [DONE["text"]]
    assert_done_and_charged(place, served, tenant, calls=2)


@pytest.mark.parametrize(
    ("model", "step"),
    [
        # Names that Codex knows: of a model that is given a freeform patch, and of one that writes programs.
        ("gpt-5.5", {"tool": "apply_patch", "arguments": {"input": PATCH}}),
        ("gpt-6.2-sol", {"tool": "exec", "arguments": {"input": CODE}}),
    ],
)
@pytest.mark.parametrize("served_by", ["gpt", "claude", "gemini"])
def test_codex_edits_a_file_by_the_tools_that_it_has_for_openais_models(
    model: str,
    step: dict[str, Any],
    served_by: str,
    place: Workplace,
    served: RunningPlatform,
    tenant: Tenant,
) -> None:
    catalog = Path("gateway/catalogs/sandbox.toml").read_text()
    of_model = f'slug = "{served_by}"\n'
    renamed = place.home / "catalog.toml"
    renamed.write_text(_with_alias(catalog, of_model, model))
    served.manage("load_catalog", str(renamed))

    events = run_codex(place, served, tenant, model, prompt_of([step, DONE]))

    assert said_by_codex(events) == [DONE["text"]]
    assert_done_and_charged(place, served, tenant, calls=2)


def _with_alias(catalog: str, of_model: str, alias: str) -> str:
    """The catalog with one alias more of that model."""
    before, after = catalog.split(of_model)
    ours, following = after.split("\n\n", 1)
    if "aliases = [" in ours:
        ours = ours.replace("aliases = [", f'aliases = ["{alias}", ')
    else:
        ours += f'\naliases = ["{alias}"]'
    return f"{before}{of_model}{ours}\n\n{following}"
