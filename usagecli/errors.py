"""What can go wrong, and the code that the process ends with.

    UsageCliError(click.ClickException)
      ConfigError      exit 2   the command line or the config file is wrong
      OutputError      exit 3   the result could not be written
      ProviderError             reading one service failed: becomes the report's error
        NotConfigured    not_configured    no credential, or a second value is missing
        AuthError        auth              refused, expired, or without the permission
        RateLimited      rate_limited      asked to wait; carries retry_at
        Unavailable      unavailable       no answer: DNS, TLS, connection, timeout, 5xx
        PayloadError     invalid_response  answered, but not in the known shape
        ServiceError     config            a value of the service proves wrong at run time

Messages hold no secret, no header, no body and no URL query.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

import click

if TYPE_CHECKING:
    from datetime import datetime


class ExitCode(IntEnum):
    """What the process ends with; `low` wins over `unknown`."""

    OK = 0
    LOW = 1
    USAGE = 2
    UNKNOWN = 3
    INTERRUPTED = 130


class UsageCliError(click.ClickException):
    """Printed by Click as `Error: MESSAGE` on stderr; ends with `exit_code`."""

    exit_code = int(ExitCode.UNKNOWN)

    def format_message(self) -> str:
        """The message as Click prints it, without any secret."""
        from usagecli.log import mask

        return mask(self.message)


class ConfigError(UsageCliError):
    """Only the user can mend it; the message names file, line and key."""

    exit_code = int(ExitCode.USAGE)


class OutputError(UsageCliError):
    """The result could not be written, or did not arrive where it was sent."""


class ProviderError(UsageCliError):
    """Reading one service failed; the others still report.

    `message` says what happened and to whom, `hint` what to do next, and `retry_at` (aware UTC)
    until when the provider asked to be left alone.
    """

    kind: ClassVar[str] = "unavailable"

    def __init__(self, message: str, *, hint: str | None = None, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.retry_at = retry_at


class NotConfigured(ProviderError):
    kind = "not_configured"


class AuthError(ProviderError):
    kind = "auth"


class RateLimited(ProviderError):
    kind = "rate_limited"


class Unavailable(ProviderError):
    kind = "unavailable"
    # True where the connection was refused or cut, so that asking again at once may help.
    dropped = False


class PayloadError(ProviderError):
    """Raised as `field: what is wrong with it`, or in whole words where no field is."""

    kind = "invalid_response"


class ServiceError(ProviderError):
    kind = "config"
