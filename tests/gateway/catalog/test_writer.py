"""A catalog written again is the same catalog."""

import tomllib
from pathlib import Path

import pytest

from gateway.catalog.writer import catalog_text

CATALOGS = Path(__file__).resolve().parents[3] / "gateway" / "catalogs"


@pytest.mark.parametrize("file", sorted(CATALOGS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_shipped_catalog_survives_being_written_again(file: Path) -> None:
    parsed = tomllib.loads(file.read_text())
    assert tomllib.loads(catalog_text(parsed)) == parsed
    assert catalog_text(tomllib.loads(catalog_text(parsed))) == catalog_text(parsed)


def test_every_kind_of_value_survives() -> None:
    parsed = tomllib.loads(
        """
        [upstreams."a.b c"]
        base_url = 'http://127.0.0.1:1'
        connect_timeout_s = 1e-3
        headers = { "X-Odd \\"name\\"" = "tab\\t del\\u007f 한국어 \\\\ \\u0001" }
        [rates.r]
        calls = { credits = "0" }
        [[models]]
        slug = "m"
        created = 2026-01-31
        aliases = []
        [[routes]]
        endpoint = "chat"
        options = { empty = {}, list = [1, 2.5, true, { deep = ["x", []] }], big = -9223372036854775808 }
        """
    )
    assert tomllib.loads(catalog_text(parsed)) == parsed
