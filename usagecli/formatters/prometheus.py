"""The Prometheus text format: for node_exporter's textfile collector, or any scraper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from usagecli.metrics import families

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.model import Snapshot


def render(snapshot: Snapshot, look: Look) -> str:
    """The page of metrics, without the last line end."""
    return generate_latest(registry(snapshot)).decode().removesuffix("\n")


def registry(snapshot: Snapshot) -> CollectorRegistry:
    """The snapshot's metrics, and none of this process."""
    made = CollectorRegistry()
    made.register(_Metrics(snapshot))
    return made


class _Metrics(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing beforehand: what there is depends on the services."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for family in families(self.snapshot):
            metric = family.metric
            made = GaugeMetricFamily(metric.name, metric.about, labels=metric.labels)
            for sample in family.samples:
                made.add_metric(list(sample.labels.values()), sample.value)
            yield made
