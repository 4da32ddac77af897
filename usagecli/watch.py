"""One run's alerts: what the rules say, what of it is news, and what is to be done about it.

The state is kept in the history database. Where that cannot be used all is told, as if for the first
time: better one message too many than none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from usagecli import actions, alerts, log
from usagecli.alerts import News, Pending, Verdict

if TYPE_CHECKING:
    from usagecli.config import Config, Rule
    from usagecli.machine import Machine
    from usagecli.model import Report
    from usagecli.storage.alerts import Alerts
    from usagecli.storage.history import History

_T = TypeVar("_T")

_WITHOUT = "alerts are told as if for the first time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """`news` is None where nothing is remembered, so that every hit counts as new."""

    verdicts: Sequence[Verdict]
    news: Sequence[News] | None = None
    pending: Sequence[Pending] = ()

    @property
    def hits(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.hit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a run watches: `passing` are rules of the command line beside those of the config.

    `services`: the names of all that there are, None where that is not known. `describe` turns news
    into the JSON that actions get. `remember`: what was told is looked up and kept.
    """

    machine: Machine
    config: Config
    passing: Sequence[Rule] = ()
    services: Collection[str] | None = None
    offline: bool = False
    remember: bool = False
    describe: Callable[[News], str]

    @property
    def rules(self) -> list[Rule]:
        known = {alerts.rule_key(rule) for rule in self.config.alerts}
        new = [rule for rule in self.passing if alerts.rule_key(rule) not in known]
        return [*self.config.alerts, *new]

    def look(self, reports: Sequence[Report]) -> Watched:
        """The verdicts of this run and, where they are remembered, the news."""
        if not self.remember and not self._waits():
            return Watched(verdicts=self._verdicts(reports, {}))
        found = self._with_memory(lambda store: self._looked(store, reports), _WITHOUT)
        return found or self._forgetful(reports)

    def act(self, watched: Watched) -> None:
        """Do what is to be done. What fails is a warning, and is kept for the next run."""
        if not watched.pending:
            return
        done, failed = actions.deliver(self.machine, self._targets(), watched.pending)
        if any(pending.id is not None for pending in watched.pending):
            again = "what was passed on may be passed on again"
            self._with_memory(lambda store: store.settle(done, failed), again)

    # -- with and without a memory ---------------------------------------------------------------

    def _with_memory(self, action: Callable[[Alerts], _T], without: str) -> _T | None:
        """What the action gives, all or nothing of what it writes being kept; None, and a warning, where
        the database cannot be used."""
        # SQLite is for those that need it.
        from usagecli.storage import history
        from usagecli.storage.alerts import Alerts
        from usagecli.storage.database import transaction

        def attempted(opened: History) -> _T:
            with transaction(opened.database):
                return action(Alerts(opened.database, self.config.path, self.machine.clock()))

        return history.attempt(self.machine, attempted, without)

    def _looked(self, store: Alerts, reports: Sequence[Report]) -> Watched:
        silent = store.silent(reports) if self._waits() else {}
        verdicts = self._verdicts(reports, silent)
        if not self.remember:
            return Watched(verdicts=verdicts)
        mine = [rule for rule in self.rules if rule in self.config.alerts]
        keys = [alerts.rule_key(rule) for rule in mine]
        store.forget([*alerts.BUILT_IN, *keys], self.services)
        after, news = alerts.news(store.states(), verdicts, self.machine.clock())
        store.keep(after, [alerts.rule_key(rule) for rule in self.rules if rule not in mine])
        store.queue(self._wanted(news))
        return Watched(verdicts=verdicts, news=news, pending=store.claim(self._targets()))

    def _forgetful(self, reports: Sequence[Report]) -> Watched:
        now = self.machine.clock()
        silent = {}
        for report in reports:
            at = alerts.answered_at(report)
            if report.failure is not None and at is not None:
                silent[report.service.name] = timedelta(seconds=now.timestamp() - at)
        verdicts = self._verdicts(reports, silent if self._waits() else {})
        if not self.remember:
            return Watched(verdicts=verdicts)
        log.debug("alerts: nothing is remembered in this run")
        _, news = alerts.news({}, verdicts, now)
        return Watched(verdicts=verdicts, pending=self._wanted(news))

    def _waits(self) -> bool:
        """Whether a rule is about silence. Not having asked is none."""
        return not self.offline and any(rule.condition == "unknown_for" for rule in self.rules)

    def _verdicts(self, reports: Sequence[Report], silent: dict[str, timedelta]) -> list[Verdict]:
        usual = self.config.actions
        return alerts.verdicts(reports, self.rules, usual=usual, silent=silent, offline=self.offline)

    def _wanted(self, news: Sequence[News]) -> list[Pending]:
        return [
            Pending(target=target.id, key=alerts.key_of(new.verdict), body=self.describe(new))
            for new in news
            for target in actions.of(new.verdict.rule.actions)
        ]

    def _targets(self) -> dict[str, actions.Target]:
        return actions.targets(self.config.all_actions)
