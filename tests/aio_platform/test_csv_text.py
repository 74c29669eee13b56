"""CSV is written a batch at a time, and no cell of it is a formula."""

import csv
from io import StringIO

import pytest

from aio_platform.csv_text import csv_texts, safe_cell


def test_the_header_comes_before_a_batch_is_asked_for():
    asked = []

    def batches():
        for number in range(2):
            asked.append(number)
            yield [[f"a{number}", number], [f"b{number}", None]]

    texts = csv_texts(["name", "number"], batches())
    assert (next(texts), asked) == ("name,number\r\n", [])
    assert (next(texts), asked) == ("a0,0\r\nb0,\r\n", [0])
    assert (list(texts), asked) == (["a1,1\r\nb1,\r\n"], [0, 1])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_only_columns_of_numbers_may_start_like_a_formula(start):
    text = "".join(csv_texts(["name", "amount"], [[[f"{start}1", f"{start}1"]]], numbers={"amount"}))
    [row] = csv.DictReader(StringIO(text, newline=""))
    assert row == {"name": f"'{start}1", "amount": f"{start}1"}


def test_a_row_has_a_cell_for_every_column():
    with pytest.raises(ValueError, match="argument"):
        list(csv_texts(["name", "amount"], [[["only one"]]]))


def test_flags_are_written_as_programs_read_them():
    assert [safe_cell(value) for value in (True, False, 1, None, "a")] == ["true", "false", 1, None, "a"]
