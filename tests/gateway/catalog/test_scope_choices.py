"""A key is limited to a model by whichever of its names: what is kept is what calls are checked by."""

import pytest

from accounts import actions
from accounts.audit import OPERATOR
from accounts.keys import lifecycle
from accounts.keys.service import NO_LIMITS, issue
from accounts.principal import Principal
from gateway.catalog.parser import parse_catalog
from gateway.catalog.routes import ADAPTERS
from gateway.catalog.scope_choices import model_slugs
from gateway.catalog.store import store
from tests.gateway.catalog.small_catalog import small_catalog


@pytest.fixture
def catalog(db: None) -> None:
    text = small_catalog("scope-test", aliases='aliases = ["tiny"]\n')
    store(text, parse_catalog(text, file="test", adapters=ADAPTERS))


def test_a_scope_given_by_an_alias_is_its_models(catalog: None) -> None:
    account = actions.create_account("Lab", "standard")
    key, _ = lifecycle.issue_key(account, "key", models=["tiny", "small", "of-another-catalog"])
    assert key.allowed_models == ["small", "of-another-catalog"]


def test_a_key_hands_out_its_own_model_by_an_alias_too(catalog: None) -> None:
    account = actions.create_account("Lab", "standard")
    parent, _ = lifecycle.issue_key(account, "parent", models=["tiny"], may_manage_keys=True)
    wanted = {**NO_LIMITS, "name": "child", "scopes": {"models": ["tiny"]}}
    child, _ = issue(Principal(account, api_key=parent), OPERATOR, wanted)
    assert child.allowed_models == ["small"]


@pytest.mark.django_db
def test_without_a_catalog_names_stay_as_they_are() -> None:
    assert model_slugs(["tiny", "small"]) == ["tiny", "small"]
