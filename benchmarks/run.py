"""Start-up, cache and network speed, as ratios and differences within one run.

    python benchmarks/run.py [ROUNDS]

Every figure is paired with a measurement of `python -c pass` (or of the server's own delay) made
right beside it, so that a busy machine slows both. Prints a line a figure with its bound.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DELAY_MS = 300
USAGECLI = [sys.executable, "-c", "from usagecli.cli import script; script()"]
PASS = [sys.executable, "-c", "pass"]


def timed(command: list[str], env: dict[str, str], given: bytes = b"") -> float:
    """Seconds that the command takes with that stdin; a traceback matters here, its exit code not."""
    started = time.perf_counter()
    done = subprocess.run(
        command, env=env, input=given, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    took = time.perf_counter() - started
    if b"Traceback" in done.stderr:
        sys.exit(done.stderr.decode())
    return took


def ratio(command: list[str], env: dict[str, str], rounds: int, given: bytes = b"") -> float:
    """The median, over the rounds, of the command's time over that of an empty Python."""
    timed(command, env, given)
    return statistics.median(timed(command, env, given) / timed(PASS, env) for _ in range(rounds))


def peak_mb(command: list[str], env: dict[str, str]) -> float:
    """Peak resident memory of the command, in MB (POSIX)."""
    watched = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", watched, *command], env=env, capture_output=True, check=True)
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return int(done.stdout) / unit


def config(folder: Path, services: int, base_url: str) -> None:
    """A config with that many services, each with a key of its own in the environment."""
    lines = ["services:"]
    for number in range(services):
        lines += [
            f"  - name: service-{number}",
            "    provider: openrouter",
            f"    credential: {{env: FAKE_KEY_{number}}}",
            f"    base_url: {base_url}",
        ]
    (folder / "config.yaml").write_text("\n".join(lines) + "\n")


def claude_code() -> bytes:
    """A document of Claude Code's status line; without a count of replies each one is news."""
    windows = {
        name: {"used_percentage": 41.7, "resets_at": int(time.time()) + 3600}
        for name in ("five_hour", "seven_day")
    }
    return json.dumps({"session_id": "s", "cost": {}, "rate_limits": windows}).encode()


def line(what: str, got: str, bound: str) -> None:
    print(f"{what:52} {got:>12}   {bound}", flush=True)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "server.py"), name, str(DELAY_MS)]
        )
        try:
            while not (folder / "port").exists():
                time.sleep(0.02)
            measure(folder, f"https://127.0.0.1:{(folder / 'port').read_text()}", rounds)
        finally:
            server.kill()
            server.wait()


def measure(folder: Path, base_url: str, rounds: int) -> None:
    env = {
        **{key: value for key, value in os.environ.items() if key in ("PATH", "SYSTEMROOT", "TEMP", "TMP")},
        "HOME": str(folder),
        "USAGECLI_CONFIG": str(folder / "config.yaml"),
        "USAGECLI_CACHE_DIR": str(folder / "cache"),
        "REQUESTS_CA_BUNDLE": str(folder / "ca.pem"),
        **{f"FAKE_KEY_{number}": f"sk-or-v1-fake-{number}" for number in range(40)},
    }
    for option in ("--version", "--help"):
        line(f"usagecli {option}", f"{ratio([*USAGECLI, option], env, rounds):.2f} x pass", "at most 5")
    config(folder, 12, base_url)
    status = [*USAGECLI, "status"]
    fresh = ["--max-age", "3600"]
    line(
        "status --json, 12 services fresh in the cache",
        f"{ratio([*status, '--json', *fresh], env, rounds):.2f} x pass",
        "at most 9, aim at 7",
    )
    line(
        "status as a table, 12 services fresh in the cache",
        f"{ratio([*status, *fresh], env, rounds):.2f} x pass",
        "at most 12, aim at 10",
    )
    line(
        "statusline, 12 services in the cache",
        f"{ratio([*USAGECLI, 'statusline'], env, rounds):.2f} x pass",
        "at most 5",
    )
    line(
        "statusline --from-claude, and its figures kept",
        f"{ratio([*USAGECLI, 'statusline', '--from-claude'], env, rounds, claude_code()):.2f} x pass",
        "at most 5",
    )
    for services, bound in ((1, 0.45), (12, 0.6), (40, 1.2)):
        config(folder, services, base_url)
        command = [*status, "--json", "--no-cache"]
        over = statistics.median(timed(command, env) - DELAY_MS / 1000 for _ in range(max(3, rounds // 3)))
        memory = peak_mb(command, env) if sys.platform != "win32" else 0.0
        line(
            f"{services} services of {DELAY_MS} ms over TLS: beyond the slowest",
            f"{over:.2f} s",
            f"at most {bound} s; peak memory {memory:.0f} MB, at most 80",
        )


if __name__ == "__main__":
    main()
