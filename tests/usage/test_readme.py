"""The README's examples do what it says they do."""

import re
from pathlib import Path

import pytest
from django.db import connection

import usage
from usage.ledger.grants import open_account

README = (Path(usage.__file__).parent / "README.md").read_text()
EXAMPLE = re.compile(r"```sql\n(.*?)```\n```text\n(.*?)```", re.DOTALL)


def test_the_examples_answer_as_printed(db):
    open_account("Ada", "standard", "ada@people.test")
    examples = EXAMPLE.findall(README)
    assert len(examples) >= 5
    with connection.cursor() as cursor:
        for statement, printed in examples:
            cursor.execute(statement)
            lines = [" | ".join(column.name for column in cursor.description)]
            lines += [" | ".join(str(value) for value in row) for row in cursor.fetchall()]
            assert lines == printed.splitlines(), statement


@pytest.mark.parametrize("name", re.findall(r"`([a-z_/]+\.(?:py|sql))`", README))
def test_the_files_it_names_are_there(name):
    assert (Path(usage.__file__).parent / name).exists()
