"""A Host header that is not ours is 400 at every address, and never an error of ours (issue 10, item 16)."""

import json
from typing import Any

import pytest

ADDRESSES = (
    "/",
    "/healthz",
    "/auth/login/",
    "/docs",
    "/staff/",
    "/static/none.css",
    "/api/v1/keys",
    "/v1/nothing",
)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("host", ["a b", "a_b:80", "x/y", "evil.test"])
def test_a_host_that_is_not_ours_is_refused_in_the_mount_s_shape(
    address: str, host: str, client: Any, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["good.test"]
    client.raise_request_exception = False
    answer = client.get(address, headers={"Host": host})
    assert answer.status_code == 400
    told = json.loads(answer.content)["error"]
    assert isinstance(told, dict if address.startswith(("/v1/", "/api/v1/")) else str)
    assert client.get(address, headers={"Host": "good.test"}).status_code < 500
