"""A chart's figures as a table: every value in its unit, nothing in it is markup but ours."""

from datetime import UTC, datetime

import pytest

from aio_platform.charts import Chart, Series
from aio_platform.templatetags import formatting

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("credits", 1_234_500_000, "1,234.5"),
        ("count", 12_345, "12,345"),
        ("ms", 2_345, "2.35 s"),
        ("percent", 0.9876, "98.8 %"),
        ("count", None, "–"),
    ],
)
def test_a_moment_is_a_row_with_each_value_in_its_unit(unit, value, shown):
    chart = Chart("Spend", unit, [AT], [Series("one", [value]), Series("other", [0])])
    [row] = formatting.chart_rows(chart).split("</tr>")[:-1]
    assert row.startswith(f'<tr><th scope="row">{formatting.timestamp(AT)}</th>')
    assert f'<td class="number">{shown}</td>' in row
    assert row.count("<td") == 2


def test_what_a_translation_says_is_no_markup(monkeypatch):
    monkeypatch.setattr(formatting, "_", lambda text: "<b>%(minutes)s</b>")
    chart = Chart("Latency", "ms", [AT], [Series("p95", [125_000])])
    assert "&lt;b&gt;2&lt;/b&gt;" in formatting.chart_rows(chart)
    assert "<b>" not in formatting.chart_rows(chart)
