"""The quota file of JetBrains' IDEs: what stands in it, and which of several counts."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli import configure, run
from tests.fuzz import mutated, survives
from tests.support import NOW, PAYLOADS, d, make_ask, make_machine, utc
from usagecli import assess
from usagecli.errors import NotConfigured, PayloadError, ProviderError, ServiceError
from usagecli.machine import Machine
from usagecli.model import Quota, Service, Usage
from usagecli.providers._jetbrains.quota import parse
from usagecli.providers.jetbrains import fetch

WRITTEN = utc("2026-11-21T07:00:00")
REFILL = utc("2026-12-12T09:30:00")
MONTH = 30 * 86400
TOLD = "as the IDE was told on 2026-11-21 at 07:00 UTC; what was used elsewhere since is not in it"
INFO = {
    "type": "Available",
    "current": "230000",
    "maximum": "1000000",
    "until": "2027-05-01T21:00:00Z",
    "tariffQuota": {"current": "230000", "maximum": "1000000", "available": "770000"},
}
NEXT = {"type": "Known", "next": "2026-12-12T09:30:00.125Z", "tariff": {"duration": "PT720H"}}


def text(case: str) -> str:
    return (PAYLOADS / "jetbrains" / f"{case}.xml").read_text(encoding="utf-8")


def xml(info: Any = INFO, refill: Any = NEXT) -> str:
    """A file with these options; a text stands as it is."""
    told = {"nextRefill": refill, "quotaInfo": info}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}
    options = "".join(
        f'<option name="{name}" value={quoteattr(value)}/>'
        for name, value in texts.items()
        if told[name] is not None
    )
    return f'<application><component name="AIAssistantQuotaManager2">{options}</component></application>'


def quota(id_: str, label: str, used: str, limit: str, left: str, **more: Any) -> Quota:
    return Quota(id=id_, label=label, unit="credits", used=d(used), limit=d(limit), remaining=d(left), **more)


def read(info: Any = INFO, refill: Any = NEXT, now: datetime = NOW) -> Usage:
    return parse(xml(info, refill), now=now, written_at=WRITTEN).usage


def main(**info: Any) -> Quota:
    return read({**INFO, "tariffQuota": None, **info}).quotas[0]


PERIOD: dict[str, Any] = {"window_seconds": MONTH, "resets_at": REFILL}
CASES = {
    "known": (
        quota("credits", "Credits", "2.3", "10", "7.7", **PERIOD),
        quota("tariff", "Tariff", "2.3", "10", "7.7", judged=False, **PERIOD),
    ),
    "top_up": (
        quota("credits", "Credits", "12.345675", "15", "2.654325", **PERIOD),
        quota("tariff", "Tariff", "10", "10", "0", judged=False, **PERIOD),
        quota("top_up", "Top-up", "2.345675", "5", "2.654325", judged=False),
    ),
    "credits": (quota("credits", "Credits", "2.5", "10", "7.5", resets_at=utc("2026-12-01T00:00:00")),),
}


@pytest.mark.parametrize("case", CASES)
def test_parse(case: str) -> None:
    assert parse(text(case), now=NOW, written_at=WRITTEN).usage == Usage(
        quotas=CASES[case], notes=(TOLD,), source="local", as_of=WRITTEN
    )


# -- figures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("maximum", "current", "limit", "used"),
    [
        ("100000", "50000", "1", "0.5"),
        ("99999", "50000", "99999", "50000"),
        ("99999.9", "1", "99999.9", "1"),
        ("150000.0", "30000.0", "1.5", "0.3"),
        (10, 2.5, "10", "2.5"),
    ],
)
def test_large_figures_are_raw(maximum: Any, current: Any, limit: str, used: str) -> None:
    found = main(maximum=maximum, current=current)
    assert (found.limit, found.used) == (d(limit), d(used))


@pytest.mark.parametrize(
    ("info", "left"),
    [
        ({"available": "600000", "tariffQuota": {"available": "1"}}, "6"),
        ({"tariffQuota": {"available": "500000"}, "topUpQuota": {"available": "100000"}}, "6"),
        ({"tariffQuota": {"available": "500000"}}, "5"),
        # One of the parts keeps silent: the sum is not known.
        ({"tariffQuota": {"maximum": "1"}, "topUpQuota": {"available": "100000"}}, "7.7"),
        ({}, "7.7"),
        ({"available": "-5"}, "0"),
    ],
)
def test_what_is_left(info: dict[str, Any], left: str) -> None:
    assert main(**info).remaining == d(left)


def test_use_may_follow_from_what_is_left() -> None:
    assert main(current=None, available="400000").used == d(6)
    assert main(current=None).used is None
    assert main(current="-5").used is None


@pytest.mark.parametrize("maximum", [None, "0", "-1", "many", ""])
def test_without_a_maximum_no_share_can_be_told(maximum: Any) -> None:
    with pytest.raises(PayloadError, match=r"^quotaInfo\.maximum: "):
        read({**INFO, "maximum": maximum})


def test_a_spent_tariff_beside_a_top_up_is_not_the_end() -> None:
    usage = parse(text("top_up"), now=NOW).usage
    judged, status = assess.judged(usage, Service(name="jetbrains", provider="jetbrains"))
    assert ([entry.status for entry in judged.quotas], status) == (["ok", None, None], "ok")


@pytest.mark.parametrize("part", [None, {}, {"maximum": "0", "current": "0"}, {"current": "5"}])
def test_a_part_without_a_size_is_left_out(part: Any) -> None:
    assert [entry.id for entry in read({**INFO, "topUpQuota": part}).quotas] == ["credits", "tariff"]


# -- the period -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refill", "resets"),
    [
        (NEXT, REFILL),
        ({"type": "Unknown"}, utc("2027-05-01T21:00:00")),
        ({"next": "soon"}, utc("2027-05-01T21:00:00")),
        (None, utc("2027-05-01T21:00:00")),
        ("not JSON", utc("2027-05-01T21:00:00")),
    ],
)
def test_the_refill_is_the_reset_and_not_the_licence_s_end(refill: Any, resets: datetime) -> None:
    assert read(refill=refill).quotas[0].resets_at == resets


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("PT720H", MONTH),
        ("P30D", MONTH),
        ("P1W", 604800),
        ("P1DT12H30M5S", 131405),
        ("P1M", None),
        ("P1Y", None),
        ("P", None),
        ("PT", None),
        ("monthly", None),
        (720, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("nested", [True, False])
def test_the_length(duration: Any, seconds: int | None, nested: bool) -> None:
    told = {"duration": duration}
    refill = {"next": NEXT["next"], **({"tariff": told} if nested else told)}
    assert read(refill=refill).quotas[0].window_seconds == seconds


def test_figures_of_the_last_period_are_unknown() -> None:
    assert read(now=REFILL) == Usage(
        quotas=(
            Quota(id="credits", label="Credits", unit="credits", limit=d(10), window_seconds=MONTH),
            Quota(
                id="tariff", label="Tariff", unit="credits", limit=d(10), window_seconds=MONTH, judged=False
            ),
        ),
        notes=(
            "the figures, written on 2026-11-21 at 07:00 UTC, are of the period that ended on 2026-12-12: "
            "what is used since is not known",
        ),
        source="local",
        as_of=WRITTEN,
    )


# -- the file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "field"),
    [
        ("", "file"),
        ("<application>", "file"),
        (text("half_written"), "file"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><application>&b;</application>', "file"),
        ("<application/>", "quotaInfo"),
        (xml(info=None), "quotaInfo"),
        (xml(info=""), "quotaInfo"),
        (xml(info="{"), "quotaInfo"),
        (xml(info="[]"), "quotaInfo"),
        (xml(info={}), "quotaInfo"),
        (xml().replace("AIAssistantQuotaManager2", "Other"), "quotaInfo"),
    ],
)
def test_a_file_that_says_nothing(file: str, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: ") as caught:
        parse(file, now=NOW)
    assert caught.value.hint == "open the IDE again, and AI Assistant in it"


@given(info=mutated(INFO), refill=mutated(NEXT))
def test_any_json_anywhere(info: Any, refill: Any) -> None:
    survives(lambda: read(info, refill))


@given(used=st.integers(0, 10**9), limit=st.integers(100_000, 10**9))
def test_raw_units_keep_the_share(used: int, limit: int) -> None:
    found = main(current=str(used), maximum=str(limit))
    assert found.percent_used == pytest.approx(d(used) / d(limit) * 100, abs=d("0.00001"))
    assert found.limit == d(limit) / 100_000


@given(st.text(max_size=40))
def test_any_text(noise: str) -> None:
    survives(lambda: parse(noise, now=NOW).usage)


# -- where it stands, and which of several counts ---------------------------------------------------


def write(
    machine: Machine, folder: str, content: str, *, written: datetime = WRITTEN, ide: str = "PyCharm2026.1"
) -> Path:
    path = Path(machine.home, folder, ide, "options", "AIAssistantQuotaManager2.xml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    os.utime(path, (written.timestamp(), written.timestamp()))
    return path


def used(machine: Machine) -> Any:
    return fetch(make_ask("jetbrains", machine)).quotas[0].used


@pytest.mark.parametrize(
    ("platform", "env", "folder"),
    [
        ("linux", {}, ".config/JetBrains"),
        ("linux", {}, ".config/Google"),
        ("linux", {"XDG_CONFIG_HOME": "xdg"}, "xdg/JetBrains"),
        ("darwin", {}, "Library/Application Support/JetBrains"),
        ("darwin", {}, "Library/Application Support/Google"),
        ("win32", {"APPDATA": "roaming"}, "roaming/JetBrains"),
        ("win32", {}, "AppData/Roaming/Google"),
    ],
)
def test_the_folders_of_each_system(own_home: Path, platform: str, env: dict[str, str], folder: str) -> None:
    env = {name: str(own_home / value) for name, value in env.items()}
    machine = make_machine(own_home, env, platform=platform)
    path = write(machine, folder, text("known"), ide="AndroidStudio2025.3.1")
    ask = make_ask("jetbrains", machine)
    usage = fetch(ask)
    assert usage.quotas == CASES["known"]
    assert (usage.as_of, usage.source) == (WRITTEN, "local")
    assert usage.notes == (TOLD.replace("the IDE", "AndroidStudio2025.3.1"),)
    assert ask.credential.origin == machine.short(str(path))


@pytest.mark.parametrize("ide", ["PyCharm", "consentOptions", "2026.1", "acp-agents"])
def test_other_folders_are_no_ide(machine: Machine, ide: str) -> None:
    write(machine, ".config/JetBrains", text("known"), ide=ide)
    with pytest.raises(NotConfigured) as caught:
        make_ask("jetbrains", machine)
    assert caught.value.hint == "usagecli providers jetbrains says how to get one"


EARLIER, LATER = utc("2026-11-01T00:00:00"), utc("2026-11-20T00:00:00")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # The licence that lasts longer, whichever file is newer.
        (({"until": "2026-12-30T00:00:00Z"}, {}, LATER), ({"until": "2027-05-01T00:00:00Z"}, {}, EARLIER)),
        # Where it is missing, the refill.
        (({}, {"next": "2026-11-30T00:00:00Z"}, LATER), ({}, {"next": "2026-12-30T00:00:00Z"}, EARLIER)),
        (({"until": "2026-12-01T00:00:00Z"}, {}, LATER), ({}, {"next": "2026-12-30T00:00:00Z"}, EARLIER)),
        # The same date: the newer file.
        (({"until": "2027-05-01T00:00:00Z"}, {}, EARLIER), ({"until": "2027-05-01T00:00:00Z"}, {}, LATER)),
        (({}, {}, EARLIER), ({}, {}, LATER)),
        (({}, {}, LATER), ({"until": "2027-05-01T00:00:00Z"}, {}, EARLIER)),
    ],
)
@pytest.mark.parametrize("names", [("Rider2024.1", "WebStorm2026.1"), ("WebStorm2026.1", "Rider2024.1")])
def test_which_of_several_counts(machine: Machine, old: Any, new: Any, names: tuple[str, str]) -> None:
    """Never told by the IDE's name: an old one keeps an old copy for ever."""
    for (until, refill, written), ide, current in ((old, names[0], "900000"), (new, names[1], "100000")):
        info = {"type": "Available", "current": current, "maximum": "1000000", **until}
        write(machine, ".config/JetBrains", xml(info, refill), written=written, ide=ide)
    assert used(machine) == d(1)


@pytest.mark.parametrize("broken", ["", xml(info="{"), xml(info={**INFO, "maximum": "0"}), "\x00"])
def test_a_file_that_cannot_be_read_counts_only_alone(machine: Machine, broken: str) -> None:
    path = write(machine, ".config/JetBrains", broken, written=LATER, ide="IntelliJIdea2026.2")
    with pytest.raises(PayloadError):
        used(machine)
    write(machine, ".config/Google", text("known"), written=EARLIER)
    assert used(machine) == d("2.3")
    path.write_bytes(b"\xff" * 8)
    assert used(machine) == d("2.3")


def test_a_file_that_is_no_text(machine: Machine) -> None:
    write(machine, ".config/JetBrains", "").write_bytes(b"\xff" * 8)
    with pytest.raises(ServiceError, match="is not text$"):
        used(machine)


def test_a_file_that_has_gone_since(machine: Machine) -> None:
    path = write(machine, ".config/JetBrains", text("known"))
    ask = make_ask("jetbrains", machine)
    path.unlink()
    with pytest.raises(ProviderError, match="is gone$"):
        fetch(ask)


def test_several_files_are_told(machine: Machine) -> None:
    for ide in ("PyCharm2026.1", "Rider2026.1"):
        write(machine, ".config/JetBrains", text("known"), ide=ide)
    assert make_ask("jetbrains", machine).credential.origin.endswith(
        "AIAssistantQuotaManager2.xml and 1 more"
    )


@pytest.mark.usefixtures("fixed_clock")
def test_it_is_reported_with_the_file_s_age(own_home: Path) -> None:
    write(make_machine(own_home), ".config/JetBrains", text("known"))
    document = run("jetbrains", "--json").document
    assert (document["source"], document["fetchedAt"], document["account"], document["plan"]) == (
        "local",
        "2026-11-21T07:00:00Z",
        None,
        None,
    )
    assert "Read on this machine: nobody is asked." in run("providers", "jetbrains").out


@pytest.mark.usefixtures("fixed_clock")
def test_a_file_elsewhere_may_be_configured(tmp_path: Path) -> None:
    path = tmp_path / "mine.xml"
    path.write_text(text("known"), encoding="utf-8")
    configure([{"name": "ide", "provider": "jetbrains", "credential": {"file": str(path)}}])
    document = run("jetbrains", "--json").document
    assert [entry["used"] for entry in document["quotas"]] == [2.3, 2.3]
