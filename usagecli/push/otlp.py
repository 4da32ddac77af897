"""OpenTelemetry metrics over OTLP/HTTP: every metric a gauge, the labels its attributes.

The exporter is OpenTelemetry's own, so that its OTEL_* variables (headers, timeout, compression,
certificates, resource attributes) mean here what they mean everywhere.
Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/, read 2026-11-25.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from usagecli import __version__, log
from usagecli.errors import ConfigError, OutputError
from usagecli.metrics import Family, families
from usagecli.push import Sender, goes_direct, refusal, unreached
from usagecli.urls import host_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.resources import Resource

    from usagecli.model import Snapshot
    from usagecli.transport import Session

HEADERS = ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_PATH = "/v1/metrics"
_WHO = "OTLP"
# What the exporter itself allows; it asks again until then.
_LONGEST_S = 10.0


def check_installed() -> None:
    """Raises ConfigError where the packages of the extra are missing."""
    try:
        import opentelemetry.exporter.otlp.proto.http.metric_exporter
        import opentelemetry.sdk.metrics.export  # noqa: F401
    except ImportError:
        raise ConfigError(
            "--otlp needs OpenTelemetry, which is not installed: pip install 'usagecli[otlp]'"
        ) from None


def credential() -> str | None:
    """The variable whose headers, most likely credentials, go with every request."""
    return next((name for name in HEADERS if os.environ.get(name, "").strip()), None)


def endpoint(url: str) -> str:
    """Where a receiver of that address takes metrics, as OTEL_EXPORTER_OTLP_ENDPOINT is read."""
    return url if url.endswith(_PATH) else url + _PATH


def send(snapshot: Snapshot, url: str, sender: Sender, *, told: Mapping[str, str]) -> None:
    """Export the snapshot. Raises OutputError where it did not arrive.

    `told`: attributes of the resource that the user named, above those of the environment.
    """
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import MetricExportResult

    from usagecli.transport import new_session

    # Its own log would reach stderr: less than the error below says, or a header that it cannot read.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    session = new_session(trust_env=not goes_direct(url))
    own_timeout = any(os.environ.get(name, "").strip() for name in _TIMEOUTS)
    timeout = None if own_timeout else min(_LONGEST_S, sender.timeout_s)
    exporter = OTLPMetricExporter(endpoint=endpoint(url), timeout=timeout, session=session)
    try:
        result = exporter.export(_data(snapshot, _resource(sender, told)))
        _judge(session, url, delivered=result is MetricExportResult.SUCCESS)
    finally:
        exporter.shutdown()


def _judge(session: Session, url: str, *, delivered: bool) -> None:
    """Raise OutputError unless the receiver took all of it."""
    response = session.response
    log.debug(f"{host_of(url)}: POST {response.status_code if response is not None else '-'}")
    if session.failure is not None:
        raise unreached(_WHO, session.failure)
    # To the exporter a redirect, which is not followed, is a delivery.
    if response is not None and not 200 <= response.status_code < 300:
        raise OutputError(refusal(_WHO, url, response.status_code, HEADERS[1]))
    if response is None or not delivered:
        raise OutputError(
            f"{_WHO}: nothing could be sent to {host_of(url)}; check the OTEL_EXPORTER_OTLP_* variables"
        )
    rejected = _rejected(response.content)
    if rejected:
        raise OutputError(f"{_WHO}: {host_of(url)} rejected {rejected} of the figures")


def _rejected(body: bytes) -> int:
    """How many figures the receiver says it left out; 0 where it says nothing that can be read."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    try:
        return int(ExportMetricsServiceResponse.FromString(body).partial_success.rejected_data_points)
    except DecodeError:
        return 0


def _resource(sender: Sender, told: Mapping[str, str]) -> Resource:
    """Who sends: the usual names, below the environment's, below the user's."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    usual = Resource(
        {
            "service.name": sender.job,
            "service.instance.id": sender.instance,
            "service.version": __version__,
        }
    )
    return usual.merge(OTELResourceDetector().detect()).merge(Resource(dict(told)))


def _data(snapshot: Snapshot, resource: Resource) -> MetricsData:
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    at = int(snapshot.fetched_at.timestamp()) * 1_000_000_000
    metrics = [_metric(family, at) for family in families(snapshot)]
    scope = InstrumentationScope("usagecli", __version__)
    scoped = ScopeMetrics(scope=scope, metrics=metrics, schema_url="")
    return MetricsData([ResourceMetrics(resource=resource, scope_metrics=[scoped], schema_url="")])


def _metric(family: Family, at: int) -> Metric:
    """The gauge, without attributes that say nothing. `at` in nanoseconds of the epoch."""
    from opentelemetry.sdk.metrics.export import Gauge, Metric, NumberDataPoint

    points: list[Any] = [
        NumberDataPoint(
            attributes={name: value for name, value in sample.labels.items() if value},
            start_time_unix_nano=0,
            time_unix_nano=at,
            value=sample.value,
        )
        for sample in family.samples
    ]
    metric = family.metric
    return Metric(name=metric.name, description=metric.about, unit=metric.unit, data=Gauge(points))
