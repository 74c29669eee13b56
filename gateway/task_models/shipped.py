"""The models that are shipped: every TOML file of this folder, read once when the process starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.task_models.declarations import read_declarations
from gateway.task_models.reading import TaskModels, TaskParameters

FOLDER = Path(__file__).parent
SHIPPED = TaskModels(
    model for file in sorted(FOLDER.glob("*.toml")) for model in read_declarations(file.read_text("utf-8"))
)


def read_task(endpoint: str, model: str | None, body: Mapping[str, Any]) -> TaskParameters:
    """What a body asks of a model, by the catalog's slug; None where the endpoint has only one, as tools have.

    Raises InvalidRequest naming the field.
    """
    return SHIPPED.read(endpoint, model, body)


def describe(model: str) -> dict[str, Any]:
    """What a model takes, as JSON values; raises KeyError where none of that slug is shipped."""
    return SHIPPED.describe(model)
