"""All checks: format, lint, types, tests with coverage. `python tests/check.py`.

Stops at the first that fails, with its exit code.
"""

from __future__ import annotations

import subprocess
import sys

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("pytest", "--cov", "--cov-report=term-missing:skip-covered", "--cov-fail-under=95"),
)


def main() -> int:
    for check in CHECKS:
        print("+", *check, flush=True)  # noqa: T201
        code = subprocess.run([sys.executable, "-m", *check], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
