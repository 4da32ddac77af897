"""Which alerts were told, and what is still to be done about them: tables of the history database.

Every state belongs to one config file, so that runs with another leave it alone. No address, command
or secret is kept: an action is named by a hash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, get_args

from usagecli.alerts import Key, Pending, State, answered_at
from usagecli.model import Status

if TYPE_CHECKING:
    from usagecli.model import Report

# A run that was killed while it acted is given up after this long, and another does it.
_CLAIM_S = 600
# What nobody has seen for so long is forgotten, and so is what could not be done for so long.
_FORGET_S, _GIVE_UP_S = 30 * 86400, 7 * 86400
_LEVELS = get_args(Status)


class Alerts:
    """The alerts of one config file. Its methods raise sqlite3.Error, and want a transaction around."""

    def __init__(self, database: sqlite3.Connection, config: str, now: datetime) -> None:
        self._database = database
        self._config = config
        self._now = int(now.timestamp())

    # -- states ----------------------------------------------------------------------------------

    def states(self) -> dict[Key, State]:
        rows = self._database.execute(
            "SELECT rule, service, provider, item, level, since, resets_at FROM alerts WHERE config = ?",
            (self._config,),
        )
        return {
            Key(*key): State(level=level, since=_at(since), resets_at=None if resets is None else _at(resets))
            for *key, level, since, resets in rows
            if level in _LEVELS
        }

    def keep(self, after: Mapping[Key, State | None], passing: Collection[str] = ()) -> None:
        """Write the states; None is one that is over. `passing` are the rules of the command line."""
        for key, state in after.items():
            if state is None:
                delete = "DELETE FROM alerts WHERE (config, rule, service, provider, item) = (?, ?, ?, ?, ?)"
                self._database.execute(delete, (self._config, *key))
                continue
            resets = None if state.resets_at is None else int(state.resets_at.timestamp())
            self._database.execute(
                "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._config,
                    *key,
                    key.rule in passing,
                    state.level,
                    int(state.since.timestamp()),
                    resets,
                    self._now,
                ),
            )

    def forget(self, rules: Collection[str], services: Collection[str] | None) -> None:
        """Drop what belongs to a rule of the config or a service that is no more (None: not known), and
        what is too old. Rules of a command line are known to it alone: those only grow old."""
        own = [("rule", rules)] if services is None else [("rule", rules), ("service", services)]
        for column, names in own:
            marks = ", ".join("?" * len(names))
            tables = ["alerts WHERE NOT passing AND", "alert_actions WHERE"]
            for table in (*tables, "answers WHERE") if column == "service" else tables:
                self._database.execute(
                    f"DELETE FROM {table} config = ? AND {column} NOT IN ({marks})",  # noqa: S608
                    (self._config, *names),
                )
        self._database.execute("DELETE FROM alerts WHERE seen < ?", (self._now - _FORGET_S,))
        self._database.execute("DELETE FROM alert_actions WHERE at < ?", (self._now - _GIVE_UP_S,))

    # -- actions ---------------------------------------------------------------------------------

    def queue(self, wanted: Iterable[Pending]) -> None:
        for pending in wanted:
            self._database.execute(
                "INSERT INTO alert_actions (config, rule, service, provider, item, target, body, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (self._config, *pending.key, pending.target, pending.body, self._now),
            )

    def claim(self, targets: Collection[str]) -> list[Pending]:
        """What is to be done now, oldest first; nobody else gets it meanwhile. What no target of the
        config wants any more is dropped."""
        marks = ", ".join("?" * len(targets))
        self._database.execute(
            f"DELETE FROM alert_actions WHERE config = ? AND target NOT IN ({marks})",  # noqa: S608
            (self._config, *targets),
        )
        rows = self._database.execute(
            # A claim that lies ahead was made by a clock that has been set back since.
            "SELECT id, target, body, rule, service, provider, item FROM alert_actions"
            " WHERE config = ? AND (claimed IS NULL OR claimed <= ? OR claimed > ?) ORDER BY id",
            (self._config, self._now - _CLAIM_S, self._now),
        ).fetchall()
        claim = "UPDATE alert_actions SET claimed = ? WHERE id = ?"
        self._database.executemany(claim, [(self._now, row[0]) for row in rows])
        return [Pending(id=id_, target=target, body=body, key=Key(*key)) for id_, target, body, *key in rows]

    def settle(self, done: Sequence[Pending], failed: Sequence[Pending]) -> None:
        """Forget what was done, and let the next run try what failed."""
        self._database.executemany("DELETE FROM alert_actions WHERE id = ?", [(p.id,) for p in done])
        self._database.executemany(
            "UPDATE alert_actions SET claimed = NULL WHERE id = ?", [(p.id,) for p in failed]
        )

    # -- silence ---------------------------------------------------------------------------------

    def silent(self, reports: Iterable[Report]) -> dict[str, timedelta]:
        """By service, how long those give no answer that give none: since the last one, or the first
        failure where there never was an answer. The history may know of answers to other commands."""
        found = {}
        for report in reports:
            service = (report.service.name, report.service.provider)
            answered, failed = self._note(service, report)
            if report.failure is None:
                continue
            heard, first = self._database.execute(
                "SELECT max(at) FILTER (WHERE error IS NULL), min(at) FROM outcomes"
                " JOIN services ON services.id = service WHERE (name, provider) = (?, ?)",
                service,
            ).fetchone()
            answers = [at for at in (answered, heard, answered_at(report)) if at is not None]
            since = max(answers) if answers else min(at for at in (failed, first) if at is not None)
            found[report.service.name] = timedelta(seconds=max(0, self._now - since))
        return found

    def _note(self, service: tuple[str, str], report: Report) -> tuple[int | None, int | None]:
        """When the service answered last and, if it does no more, failed first, as far as was seen here."""
        failed = self._now if report.failure is not None else None
        row = self._database.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " answered = coalesce(excluded.answered, answered),"
            " failed = CASE WHEN excluded.failed IS NULL THEN NULL ELSE coalesce(failed, excluded.failed) END"
            " RETURNING answered, failed",
            (self._config, *service, answered_at(report), failed),
        )
        answered, failed = row.fetchone()
        return answered, failed


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
