"""`usagecli completions bash|zsh|fish`: Click's own completion scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from usagecli.commands._run import emit

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

SHELLS = ("bash", "zsh", "fish")


@click.command("completions")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: usagecli completions bash > ~/.local/share/bash-completion/completions/usagecli
    zsh:  usagecli completions zsh > ~/.zfunc/_usagecli      (with ~/.zfunc in fpath)
    fish: usagecli completions fish > ~/.config/fish/completions/usagecli.fish
    """
    emit(script(shell))


def script(shell: str) -> str:
    """The script that asks usagecli itself for what may come next."""
    from click.shell_completion import get_completion_class

    from usagecli.cli import cli

    found: type[ShellComplete] | None = get_completion_class(shell)
    assert found is not None
    made = found(cli, {}, "usagecli", "_USAGECLI_COMPLETE")
    # Not `made.source()`: for bash that runs the local bash to look at its version.
    return (made.source_template % made.source_vars()).strip()
