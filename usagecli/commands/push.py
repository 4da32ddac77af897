"""`usagecli push`: the figures to a Prometheus Pushgateway or a receiver of OpenTelemetry metrics."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from usagecli import config, services
from usagecli.cli import App
from usagecli.commands._options import Given, complete_services, run_options
from usagecli.commands._run import finish, say_nothing_found, take
from usagecli.errors import OutputError

if TYPE_CHECKING:
    from usagecli.model import Snapshot
    from usagecli.push import Sender

# Sends the snapshot to one receiver, or raises OutputError.
Send = Callable[["Snapshot", "Sender"], None]
_JOB = "usagecli"


@click.command("push")
@click.argument("names", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services)
@click.option("--gateway", metavar="URL", help="A Prometheus Pushgateway.")
@click.option("--otlp", metavar="URL", help="A receiver of OpenTelemetry metrics over OTLP/HTTP.")
@click.option("--job", metavar="NAME", help=f"The job of these metrics.  [default: {_JOB}]")
@click.option("--instance", metavar="NAME", help="Their instance.  [default: the name of this host]")
@click.option("--insecure-http", is_flag=True, help="Allow http beyond this machine, without credentials.")
@run_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    gateway: str | None,
    otlp: str | None,
    job: str | None,
    instance: str | None,
    insecure_http: bool,
    given: Given,
) -> None:
    """Send the figures to a Pushgateway or an OpenTelemetry receiver (or both), and print nothing.

    They are those of `status --format prometheus`: no account is named. A Pushgateway that wants a
    token gets the one in USAGECLI_PUSH_TOKEN; OpenTelemetry's own variables, such as
    OTEL_EXPORTER_OTLP_HEADERS, work as usual.

    Exits as `status` does, or 3 where the figures did not arrive.
    """
    from usagecli.push import Sender

    if gateway is None and otlp is None:
        raise click.UsageError("say where to: --gateway URL, --otlp URL, or both")
    for option, value in (("--job", job), ("--instance", instance)):
        if value is not None and not value.strip():
            raise click.UsageError(f"{option} is empty")
    app: App = ctx.obj
    if app.demo:
        _stay_here({"--gateway": gateway, "--otlp": otlp})
    sends = _sends(gateway, otlp, job, instance, insecure_http)
    found = config.load(app.machine, app.config_path)
    targets = services.choose(found, app.machine, names, given.accounts)
    snapshot = take(app, found, targets, given)
    if not targets:
        say_nothing_found(found, names)
    sender = Sender(
        job=job or _JOB,
        instance=instance or socket.gethostname(),
        timeout_s=found.timeout_s if given.timeout is None else given.timeout,
    )
    _deliver(snapshot, sender, sends)
    finish(ctx, snapshot, given)


def _stay_here(receivers: Mapping[str, str | None]) -> None:
    """The demo's figures are nobody's. Raises UsageError for a receiver that is not on this machine."""
    from usagecli.urls import is_loopback, origin

    for option, url in receivers.items():
        if url is not None and not is_loopback(origin(url)[1]):
            raise click.UsageError(
                f"--demo sends nothing beyond this machine: leave it out, or give {option} a loopback "
                "address such as http://localhost:9091"
            )


def _sends(
    gateway: str | None, otlp: str | None, job: str | None, instance: str | None, insecure: bool
) -> list[Send]:
    """A function for each receiver. Raises ConfigError for what cannot or may not be sent to."""
    from usagecli.push import checked

    sends: list[Send] = []
    if gateway is not None:
        sends.append(_to_gateway(gateway, insecure))
    if otlp is not None:
        from usagecli.push import otlp as export

        url = checked("--otlp", otlp, insecure=insecure, secret=export.credential())
        export.check_installed()
        named = {"service.name": job, "service.instance.id": instance}
        told = {name: value for name, value in named.items() if value is not None}
        sends.append(lambda snapshot, sender: export.send(snapshot, url, sender, told=told))
    return sends


def _to_gateway(gateway: str, insecure: bool) -> Send:
    from usagecli.push import checked
    from usagecli.push import gateway as pushgateway

    token = pushgateway.token(os.environ)
    url = checked("--gateway", gateway, insecure=insecure, secret=pushgateway.TOKEN if token else None)
    return lambda snapshot, sender: pushgateway.send(snapshot, url, sender, token)


def _deliver(snapshot: Snapshot, sender: Sender, sends: list[Send]) -> None:
    """Send to every receiver: one that fails costs the others nothing. Raises OutputError."""
    failed = []
    for send in sends:
        try:
            send(snapshot, sender)
        except OutputError as error:
            failed.append(error.message)
    if failed:
        raise OutputError("\n".join(failed))
