"""`--demo`: the whole way, real HTTP included, against recorded answers on loopback.

A temporary directory holds the config, the cache and the history of the run and is gone at its
end; the machine that the run sees has no environment and no other files, so nothing of the user's
is read or written.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading

import click

from usagecli.demo.server import DemoServer
from usagecli.errors import UsageCliError
from usagecli.machine import Machine
from usagecli.storage.files import write_atomic

_TRIES = 20


def start(ctx: click.Context) -> tuple[Machine, str]:
    """Start the replay for as long as the context lives: its machine and its config file."""
    try:
        folder = tempfile.mkdtemp(prefix="usagecli-demo-")
    except OSError as error:
        raise UsageCliError(f"the demo needs a temporary directory: {error.strerror}") from None
    ctx.call_on_close(lambda: _remove(folder))
    cache = os.path.join(folder, "cache")
    os.mkdir(cache, 0o700)
    server = DemoServer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    ctx.call_on_close(stop)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    path = os.path.join(folder, "config.yaml")
    with open(os.path.join(os.path.dirname(__file__), "config.yaml"), encoding="utf-8") as source:
        text = source.read().replace("http://demo", address)
    write_atomic(path, text.encode())
    machine = Machine(
        env={},
        home=folder,
        config_dir=folder,
        cache_dir=cache,
        data_dir=os.path.join(folder, "data"),
        demo=True,
        status_pages=f"{address}/pages",
    )
    return machine, path


def _remove(folder: str) -> None:
    # A run that was ended early still has threads, which may be writing there.
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
