"""What is stored -> the document of `history --json`, of which every other format is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from usagecli.formatters.json import instant as iso
from usagecli.history.summary import measure_of, readings, summarize

if TYPE_CHECKING:
    from usagecli.history.span import Span
    from usagecli.storage.history import History, Outcome, Sample, Series

Document = dict[str, Any]
# Whether a service, by name and provider, is wanted.
Wants = Callable[[str, str], bool]


class Owner(NamedTuple):
    """One account of a service. `number` counts the accounts that the service has had, from 1 on."""

    service: str
    provider: str
    number: int
    current: bool


def empty(span: Span) -> Document:
    """The document where nothing is recorded."""
    return {
        "schemaVersion": 1,
        "since": iso(span.since),
        "until": iso(span.until),
        "services": [],
    }


def document(history: History, span: Span, wants: Wants) -> Document:
    """What was read in the span, and what went wrong. Raises sqlite3.Error."""
    since, until = int(span.since.timestamp()), int(span.until.timestamp())
    series = [one for one in history.series() if wants(one.service, one.provider)]
    outcomes = [one for one in history.outcomes(since, until) if wants(one.service, one.provider)]
    owners = accounts(history, [(one.service, one.provider, one.account) for one in series])
    found: dict[Owner, Document] = {}
    for one in series:
        samples = history.samples(one.id, since, until)
        if samples:
            body = _service(found, owners[one.service, one.provider, one.account])
            kind = "quotas" if one.kind == "quota" else "balances"
            body[kind].append(_quota(one, samples) if one.kind == "quota" else _balance(one, samples))
    _add_outcomes(found, outcomes, owners)
    return {**empty(span), "services": list(found.values())}


def accounts(history: History, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Owner]:
    """The owner of each account (service, provider, account), in the order in which they appeared.

    The current one of a service is that which was read last.
    """
    known: dict[tuple[str, str], list[str]] = {}
    for service, provider, account in keys:
        numbers = known.setdefault((service, provider), [])
        if account not in numbers:
            numbers.append(account)
    latest = history.latest()
    found = {}
    for (service, provider), numbers in known.items():
        newest = max(numbers, key=lambda account: latest.get((service, provider, account), 0))
        for number, account in enumerate(numbers, start=1):
            found[service, provider, account] = Owner(service, provider, number, account == newest)
    return found


def _service(found: dict[Owner, Document], owner: Owner) -> Document:
    return found.setdefault(
        owner,
        {
            "service": owner.service,
            "provider": owner.provider,
            "account": owner.number,
            "current": owner.current,
            "quotas": [],
            "balances": [],
            "errors": [],
        },
    )


def _quota(series: Series, samples: Sequence[Sample]) -> Document:
    measure = measure_of(series, samples)
    summary = summarize(readings(samples, measure), measure)
    assert summary is not None
    return {
        **_head(series, "percent" if measure == "percent" else series.unit),
        "windowSeconds": series.window,
        "measure": measure,
        "first": summary.first,
        "last": summary.last,
        "minimum": summary.minimum,
        "maximum": summary.maximum,
        "used": _rounded(summary.used),
        "resets": summary.resets,
        "samples": [{"at": instant(sample.at), **figures(sample)} for sample in samples],
    }


def figures(sample: Sample) -> Document:
    """What a reading of a quota says, beside its instant."""
    return {
        "used": sample.used,
        "limit": sample.limit,
        "remaining": sample.remaining,
        "percentUsed": sample.percent,
        "resetsAt": instant(sample.resets_at),
        "source": sample.source,
    }


def _balance(series: Series, samples: Sequence[Sample]) -> Document:
    summary = summarize(readings(samples, "remaining"), "remaining", balance=True)
    assert summary is not None
    return {
        **_head(series, series.unit),
        "first": summary.first,
        "last": summary.last,
        "minimum": summary.minimum,
        "maximum": summary.maximum,
        "spent": _rounded(summary.used),
        "toppedUp": _rounded(summary.added),
        "samples": [
            {"at": instant(sample.at), "amount": sample.remaining, "source": sample.source}
            for sample in samples
        ],
    }


def _head(series: Series, unit: str) -> Document:
    return {"id": series.name, "label": series.label, "scope": series.scope, "unit": unit}


def _rounded(value: float) -> float:
    # A sum of many small steps is not to end in ...0000004.
    return round(value, 6)


def _add_outcomes(
    found: dict[Owner, Document],
    outcomes: Sequence[Outcome],
    owners: dict[tuple[str, str, str], Owner],
) -> None:
    """The errors of each service, by kind, beside the figures of the account that it has now: which
    account a refused credential was of, nobody knows."""
    current = {(owner.service, owner.provider): owner for owner in owners.values() if owner.current}
    for key, own in _by_service(outcomes):
        errors = list(_errors(own))
        if errors:
            owner = current.get(key) or Owner(*key, 1, current=True)
            _service(found, owner)["errors"] = errors


def _by_service(outcomes: Iterable[Outcome]) -> Iterator[tuple[tuple[str, str], list[Outcome]]]:
    found: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.service, outcome.provider), []).append(outcome)
    yield from found.items()


def _errors(outcomes: Sequence[Outcome]) -> Iterator[Document]:
    """Of every kind how many, and the last."""
    kinds = dict.fromkeys(outcome.error for outcome in outcomes if outcome.error is not None)
    for kind in kinds:
        own = [outcome for outcome in outcomes if outcome.error == kind]
        last = own[-1]
        yield {
            "kind": kind,
            "count": len(own),
            "asked": len(outcomes),
            "firstAt": instant(own[0].at),
            "lastAt": instant(last.at),
            "message": last.message,
        }


def instant(at: int | None) -> str | None:
    """`2026-11-21T08:00:00Z`, of seconds since 1970."""
    # Not strftime: there may be a hundred thousand of them.
    return None if at is None else f"{datetime.fromtimestamp(at, UTC).isoformat()[:19]}Z"
