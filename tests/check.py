"""All checks: format, lint, types, tests with coverage. `python tests/check.py`.

Stops at the first that fails, with its exit code.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Written when pytest ends by itself: a test that ends its process would look like a pass.
ENDED = Path("build", "tests.xml")
CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    (
        "pytest",
        "--cov",
        "--cov-report=term-missing:skip-covered",
        "--cov-fail-under=95",
        f"--junitxml={ENDED}",
    ),
)


def main() -> int:
    ENDED.unlink(missing_ok=True)
    for check in CHECKS:
        print("+", *check, flush=True)  # noqa: T201
        code = subprocess.run([sys.executable, "-m", *check], check=False).returncode
        if code:
            return code
    if not ENDED.exists():
        print("pytest ended before its last test")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
