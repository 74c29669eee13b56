"""A pytest plugin: which test files go to one process of pytest-xdist, and which come first.

Files are shared out whole, as by `--dist loadfile`. Those that use one running platform are kept together, for each
process that gets one of them starts it anew; what takes long comes first, so that no process is left with it at the
end while the others have nothing to do.
"""

from typing import Any

import pytest

# From the longest down. A file that is not named here is shared out by itself, after all these.
TOGETHER: tuple[tuple[str, ...], ...] = (
    (
        "scenarios/test_client_leaves.py",
        "scenarios/test_bad_input.py",
        "scenarios/test_outcomes.py",
        "scenarios/test_chat_shapes.py",
        "scenarios/test_refusals.py",
        "scenarios/test_idempotency.py",
        "scenarios/test_tasks_bad_input.py",
        "scenarios/test_tasks_idempotency.py",
        "scenarios/test_units_from_journal.py",
        "scenarios/test_compressed_bodies.py",
        "scenarios/test_null_characters.py",
        "scenarios/test_model_listing.py",
        "scenarios/test_addresses.py",
        "scenarios/test_callbacks.py",
        "scenarios/test_strangers_bodies.py",
        "scenarios/test_messages.py",
        "scenarios/test_responses.py",
        "scenarios/test_gemini.py",
        "scenarios/test_gemini_embeddings.py",
        "scenarios/test_sandbox_header.py",
    ),
    (
        "browser/test_workbench.py",
        "browser/test_tasks.py",
        "browser/test_staff_levers.py",
        "browser/test_sign_in.py",
        "browser/test_team.py",
        "browser/test_usage.py",
        "browser/test_keys.py",
        "browser/test_overview.py",
        "browser/test_credits.py",
    ),
    (
        "scenarios/test_documented_examples.py",
        "scenarios/test_seed_documents.py",
        "scenarios/test_tasks_lifecycle.py",
        "scenarios/test_openapi.py",
        "scenarios/test_first_call.py",
        "scenarios/test_sessions.py",
        "scenarios/test_omakase_sessions.py",
        "scenarios/test_uploads.py",
        "scenarios/test_openai_mount_media.py",
        "scenarios/test_openai_mount_text.py",
        "scenarios/test_omakase_files.py",
        "scenarios/test_omakase_text.py",
        "scenarios/test_omakase_bad_input.py",
        "scenarios/test_omakase_faults.py",
    ),
    (
        "browser/test_every_page.py",
        "browser/test_staff_looks.py",
        "browser/test_korean.py",
        "browser/test_docs.py",
        "browser/test_shell.py",
    ),
    ("scenarios/test_schema_fuzz.py",),
    ("money/test_server_life.py",),
    ("scenarios/test_upload_memory.py",),
    (
        "money/test_revocation.py",
        "money/test_one_balance.py",
        "money/test_minute_rate.py",
        "money/test_trial.py",
    ),
    ("scenarios/test_restarts.py",),
    ("money/test_task_kills.py",),
    ("scenarios/test_callbacks_served.py",),
    ("usage/archive/test_months.py",),
    ("contract/test_openai_python.py", "contract/test_openai_python_media.py"),
    ("aio_platform/process/test_forked_command.py",),
    ("scenarios/test_time_limits.py",),
    ("gateway/tasks/test_worker.py",),
    ("gateway/staff/test_access.py",),
    ("usage/test_rollups.py",),
    ("scenarios/test_tasks_webhooks.py",),
    ("aio_platform/test_settings_environment.py",),
    ("accounts/test_every_address.py",),
    ("money/test_delivered_is_charged.py",),
    ("scenarios/test_tasks_out_of_the_box.py",),
    ("scenarios/test_outside_endpoint.py",),
    ("scenarios/test_documented_answers.py",),
    ("money/test_kills.py",),
    ("scenarios/test_metrics.py",),
    ("scenarios/test_failover.py",),
    ("scenarios/test_outside_adapter.py",),
    ("aio_platform/db/test_embedded_postgres.py",),
    ("gateway/webhooks_out/test_worker.py",),
    ("usage/pages/test_explore.py",),
)
_unit_of = {file: number for number, files in enumerate(TOGETHER) for file in files}


def unit_of(nodeid: str) -> str:
    """The name of what is shared out as one, for a test's id."""
    file = nodeid.partition("::")[0]
    number = _unit_of.get(file.removeprefix("tests/"))
    return file if number is None else f"together {number}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order in which units are given out is that of their first tests."""
    if hasattr(config, "workerinput"):
        items.sort(
            key=lambda item: _unit_of.get(
                item.nodeid.partition("::")[0].removeprefix("tests/"), len(TOGETHER)
            )
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """In the place of `--dist loadfile`."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class SharedOut(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    # By the number of their tests, the longest would come last: they have few.
    config.option.loadscopereorder = False
    return SharedOut(config, log)
