"""What Prometheus is shown: every process's metrics added up, and only to addresses that may see them."""

import ipaddress
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from aio_platform.http.request_context import client_address
from aio_platform.observability.metrics import (
    FAMILIES,
    SHELF,
    Counts,
    Distributions,
    Families,
    Labels,
    Shelf,
    node_directory,
)

FORWARDED_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
Sums = dict[Labels, Sequence[float]]


def metrics(request: HttpRequest) -> HttpResponse:
    """The node's metrics in Prometheus' text format; 404 to addresses outside METRICS_NETWORKS."""
    if not may_see_metrics(request):
        raise Http404
    return HttpResponse(metrics_text(), content_type=CONTENT_TYPE_LATEST)


def may_see_metrics(request: HttpRequest) -> bool:
    """Whether the address is of METRICS_NETWORKS. What a proxy passes on is not, unless the proxy is trusted.

    A proxy on this machine connects from loopback: without this, it would show everybody what is ours.
    """
    if not settings.TRUST_FORWARDED_FOR and any(name in request.META for name in FORWARDED_HEADERS):
        return False
    try:
        address = ipaddress.ip_address(client_address(request))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in settings.METRICS_NETWORKS)


def metrics_text() -> bytes:
    """Our own families, then what is kept in prometheus-client's values: of all processes, or of this one."""
    registry = CollectorRegistry()
    registry.register(NodeMetrics())
    directory = node_directory()
    if directory is None:
        return generate_latest(registry) + generate_latest(REGISTRY)
    MultiProcessCollector(registry, path=str(directory))
    return generate_latest(registry)


def forget_live_metrics(directory: Path, pid: int) -> None:
    """Take an ended process out of the gauges; what it counted stays counted."""
    mark_process_dead(pid, str(directory))


class NodeMetrics(Collector):
    """The families of `metrics`, each summed over the node's processes."""

    def __init__(self, shelf: Shelf = SHELF, families: Families = FAMILIES) -> None:
        self._shelf = shelf
        self._families = families

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        sums: dict[str, Sums] = {name: {} for name in self._families}
        for name, labels, values in self._shelf.readings():
            if name in sums:
                so_far = sums[name].get(labels)
                sums[name][labels] = (
                    values if so_far is None else [a + b for a, b in zip(so_far, values, strict=True)]
                )
        for name, family in self._families.items():
            yield (
                _counter(family, sums[name]) if isinstance(family, Counts) else _histogram(family, sums[name])
            )


def _counter(family: Counts, sums: Sums) -> CounterMetricFamily:
    shown = CounterMetricFamily(family.name, family.help, labels=family.label_names)
    for labels, (value,) in sums.items():
        shown.add_metric(labels, value)
    return shown


def _histogram(family: Distributions, sums: Sums) -> HistogramMetricFamily:
    shown = HistogramMetricFamily(family.name, family.help, labels=family.label_names)
    bounds = [floatToGoString(bound) for bound in (*family.bounds, float("inf"))]
    for labels, (*counts, total) in sums.items():
        shown.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), sum_value=total)
    return shown
