"""Every metric is documented where it is named, and every documented one is measured somewhere."""

import ast
from collections.abc import Iterable

import pytest

from shared.adapters.telemetry import METRICS, metric_names
from tests.house.sources import PRODUCT, Source, python_sources

_METHODS = {"metric", "observations"}


def measured(sources: Iterable[Source]) -> set[str]:
    """The names given to the telemetry's methods as plain texts."""
    return {
        node.args[0].value
        for source in sources
        for node in source.nodes()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _METHODS
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_every_metric_is_documented_once() -> None:
    assert sorted(METRICS) == sorted(metric_names())
    assert len(set(metric_names())) == len(metric_names())


@pytest.mark.parametrize("name", metric_names())
def test_a_metric_has_kind_unit_and_meaning(name: str) -> None:
    metric = dict(METRICS)[name]  # type: ignore[index]  # a name of the literal
    assert metric.kind in ("counter", "gauge", "histogram")
    assert metric.unit.strip()
    assert metric.meaning.strip()


def test_every_metric_is_measured_and_every_measured_one_is_named() -> None:
    assert measured(python_sources(*PRODUCT)) == set(metric_names())


def test_a_metric_nobody_measures_would_be_found() -> None:
    text = "telemetry.metric('events', 1)\nself.telemetry.observations('lag', [1])\ntelemetry.event('batch')\nmetric(x)"
    assert measured([Source("shared/x.py", text)]) == {"events", "lag"}
