import pytest

from accounts.errors import AccountNotFound, AmbiguousPrefix, KeyNotFound
from accounts.keys import lifecycle
from accounts.lookup import find_account, find_key
from accounts.models import Account, ApiKey


def test_an_account_is_found_by_id_or_exact_name(account: Account) -> None:
    assert find_account(account.public_id) == account
    assert find_account("Ada's lab") == account


@pytest.mark.parametrize("text", ["", "ada's lab", "acct_0000000000000000", "a\x00b", "\udcff"])
def test_an_account_that_is_not_there_is_not_found(account: Account, text: str) -> None:
    with pytest.raises(AccountNotFound):
        find_account(text)


def test_a_key_is_found_by_id_or_prefix(account: Account) -> None:
    api_key, key_text = lifecycle.issue_key(account, "server")
    assert find_key(api_key.public_id) == api_key
    assert find_key(key_text[:12]) == api_key


@pytest.mark.parametrize("text", ["", "aio_", "aio_00000000", "key_0000000000000000", "aio_0000\x00000"])
def test_a_key_that_is_not_there_is_not_found(account: Account, text: str) -> None:
    with pytest.raises(KeyNotFound):
        find_key(text)


def test_a_pasted_key_is_not_repeated(account: Account) -> None:
    _, key_text = lifecycle.issue_key(account, "server")
    with pytest.raises(KeyNotFound) as refusal:
        find_key(key_text)
    assert key_text not in refusal.value.message


def test_a_shared_prefix_is_answered_with_the_ids(account: Account) -> None:
    keys = [lifecycle.issue_key(account, "server")[0] for _ in range(2)]
    ApiKey.objects.update(prefix="aio_12345678")
    with pytest.raises(AmbiguousPrefix) as refusal:
        find_key("aio_12345678")
    assert all(key.public_id in refusal.value.message for key in keys)
