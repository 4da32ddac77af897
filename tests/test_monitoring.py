"""The README's recipe for monitoring, with the real programs where they are installed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.cli import configure, openrouter, run
from tests.test_metrics import parsed
from tests.test_readme import blocks, read, section
from usagecli.metrics import METRICS

pytestmark = pytest.mark.sockets

RECIPE = section("Monitoring")
CRON, QUERIES, PUSH = blocks(RECIPE)
TABLE = read("docs/monitoring.md")
# The longest that one of the programs may take to start, or a figure to arrive.
PATIENCE_S = 30


def program(*names: str) -> str:
    """The path of a program that Debian and its makers call differently. Skips where it is absent."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"{names[0]} is not installed")
    return found


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def get(url: str) -> str:
    with build_opener(ProxyHandler({})).open(url, timeout=5) as answer:
        return str(answer.read().decode())


def eventually(found: Callable[[], Any]) -> Any:
    """What `found` gives once that is something; an answer that fails counts as nothing."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            result = found()
        except OSError:
            result = None
        if result:
            return result
        time.sleep(0.1)
    raise AssertionError("it did not come in time")


@contextmanager
def running(folder: Path, *command: str) -> Iterator[None]:
    """A program, for as long as the block lasts; what it says is kept in the folder."""
    with (folder / "log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as started:
        try:
            yield
        finally:
            started.terminate()
            started.wait(PATIENCE_S)


def demo_line(line: str, *more: str) -> list[str]:
    """The words of a usagecli command, for the demo."""
    words = shlex.split(line[line.index("usagecli") :])
    return ["--demo", *words[1:], *more]


# -- the text ---------------------------------------------------------------------------------------


def test_every_metric_is_named_and_no_other() -> None:
    assert set(re.findall(r"usagecli_\w+", TABLE)) == {metric.name for metric in METRICS}


def test_the_queries_ask_for_metrics_that_there_are() -> None:
    asked = set(re.findall(r"usagecli_\w+", QUERIES))
    assert asked
    assert asked <= {metric.name for metric in METRICS}


def test_every_label_is_named() -> None:
    table = {line for line in TABLE.splitlines() if line.startswith("| `usagecli_")}
    for metric in METRICS:
        (row,) = (line for line in table if f"`{metric.name}`" in line)
        told = set(re.findall(r"`([a-z]+)`", row.split("|")[2]))
        own = set(metric.labels) - {"service", "provider"}
        assert told == own or ("as above" in row and told == {"status"} <= own)


@pytest.mark.parametrize("line", PUSH.splitlines())
def test_the_lines_that_push_are_accepted(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def here_only(host: str, *rest: Any, **more: Any) -> Any:
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here_only)
    # Of the demo no figure leaves this machine, so here is a service that asks nobody.
    configure([openrouter("https://gateway.example.com")])
    outcome = run(*shlex.split(line)[1:], "--offline")
    assert outcome.code == 3
    assert re.fullmatch(r"Error: \w+: the name \w+\.example\.com cannot be found \(DNS\); .*\n", outcome.err)


# -- the programs -----------------------------------------------------------------------------------


def test_a_figure_of_the_demo_arrives_in_prometheus(tmp_path: Path) -> None:
    exporter = program("prometheus-node-exporter", "node_exporter")
    prometheus = program("prometheus")
    folder = tmp_path / "textfile"
    folder.mkdir()
    page = folder / "usagecli.prom"
    words = [str(page) if word.endswith("/usagecli.prom") else word for word in demo_line(CRON)]
    outcome = run(*words)
    assert (outcome.code, outcome.out, outcome.err) == (1, "", "")

    served, asked = f"127.0.0.1:{port()}", f"127.0.0.1:{port()}"
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: node, static_configs: [{{targets: ['{served}']}}]}}]\n"
    )
    collectors = ["--collector.disable-defaults", "--collector.textfile"]
    with (
        running(
            tmp_path,
            exporter,
            *collectors,
            f"--collector.textfile.directory={folder}",
            f"--web.listen-address={served}",
        ),
        running(
            tmp_path,
            prometheus,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address={asked}",
        ),
    ):

        def query(text: str) -> list[Any]:
            body = json.loads(get(f"http://{asked}/api/v1/query?{urlencode({'query': text})}"))
            assert body["status"] == "success"
            return list(body["data"]["result"])

        claude = 'usagecli_quota_used_ratio{service="claude",quota="five_hour"}'
        (found,) = eventually(lambda: query(claude))
        assert found["value"][1] == "0.94"
        assert found["metric"]["job"] == "node"
        assert query("node_textfile_scrape_error")[0]["value"][1] == "0"
        # Every sample of the page arrived, and every line of the recipe is one that Prometheus takes.
        count = 'count({__name__=~"usagecli_.*"})'
        assert query(count)[0]["value"][1] == str(len(parsed(page.read_text(encoding="utf-8"))))
        told = {line: query(line) for line in QUERIES.splitlines()}
        assert {line for line, answer in told.items() if not answer} == {
            "time() - usagecli_service_fetched_timestamp_seconds > 3600"
        }


def test_a_pushgateway_keeps_the_last_push_of_a_group(tmp_path: Path) -> None:
    gateway = program("prometheus-pushgateway", "pushgateway")
    address = f"127.0.0.1:{port()}"
    with running(tmp_path, gateway, f"--web.listen-address={address}"):
        eventually(lambda: get(f"http://{address}/-/ready"))

        def push(*words: str) -> set[str]:
            """The services that the gateway has after a push."""
            outcome = run("--demo", "push", *words, "--gateway", f"http://{address}")
            assert (outcome.code, outcome.out, outcome.err) == (1, "", "")
            served = parsed(get(f"http://{address}/metrics"))
            own = [dict(labels) for name, labels in served if name.startswith("usagecli_")]
            assert {label["instance"] for label in own} >= {"one"}
            return {label["service"] for label in own if label["instance"] == "one"}

        one = ("--instance", "one", "--job", "a/b c")
        assert push(*one) > {"claude", "copilot", "team"}
        assert push("claude", *one) == {"claude"}
        assert push("copilot", "--instance", "two") == {"claude"}
