from benchmarks.load import quantile
from benchmarks.table import Row, at_least, below, render


def test_a_target_is_met_or_not_by_the_result():
    assert Row("ratio", 0.5, target=at_least(0.5)).met is True
    assert Row("ratio", 0.49, target=at_least(0.5)).met is False
    assert Row("memory", 300, target=below(300)).met is False
    assert Row("count", 3).met is None


def test_the_table_aligns_and_marks():
    text = render(
        [
            Row("calls/s", 0.25, "×", platform=1500.0, relay=6000.0, target=at_least(0.5), spread=(0.2, 0.3)),
            Row("errors", 0, target=at_least(0)),
        ]
    )
    _, _, calls, errors = text.splitlines()
    assert calls.split() == ["calls/s", "1,500", "6,000", "0.25", "×", "(0.20–0.30)", "≥", "0.5", "✗"]
    assert errors.split() == ["errors", "0", "≥", "0", "✓"]
    assert calls.index("≥") == errors.index("≥") - len("0.5") + len("0")


def test_quantiles_are_values_that_were_measured():
    values = [float(n) for n in range(100, 0, -1)]
    assert quantile(values, 0.5) == 50
    assert quantile(values, 0.99) == 99
    assert quantile([7.0], 0.99) == 7
    assert quantile([], 0.5) == 0
