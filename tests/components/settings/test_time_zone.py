from __future__ import annotations

import json
import sys
import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest

from batchbell.dispatcher.manifest import read_manifest
from components.settings.time_zone import time_zone_entry, zone_problem


@pytest.fixture
def in_the_function(tmp_path, monkeypatch):
    """The zone as the function reads it: from its manifest, without a time zone database."""

    def read(name):
        zone = time_zone_entry(name)
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps({"instances": [], **({"time_zone": zone} if zone else {})}))
        zoneinfo.reset_tzpath(to=())
        zoneinfo.ZoneInfo.clear_cache()
        monkeypatch.setitem(sys.modules, "tzdata", None)
        with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
            zoneinfo.ZoneInfo("Europe/Berlin")
        return read_manifest(path).zone

    yield read
    zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    ("name", "january", "july"),
    [
        ("Europe/Berlin", ("CET", 1), ("CEST", 2)),
        ("America/New_York", ("EST", -5), ("EDT", -4)),
        ("Asia/Kolkata", ("IST", 5.5), ("IST", 5.5)),
        ("UTC", ("UTC", 0), ("UTC", 0)),
    ],
)
def test_the_functions_manifest_has_the_zones_rules_for_every_year(in_the_function, name, january, july):
    zone = in_the_function(name)

    for year in (2026, 2099):
        for month, (shown, hours) in ((1, january), (7, july)):
            there = datetime(year, month, 1, tzinfo=UTC).astimezone(zone)
            assert (there.tzname(), there.utcoffset()) == (shown, timedelta(hours=hours))


def test_utc_needs_no_rules():
    assert time_zone_entry("UTC") is None


def test_the_right_name_is_suggested_for_a_similar_one():
    assert zone_problem("Europe/Berlin") is None
    assert str(zone_problem("europe/berlin")).endswith("; did you mean Europe/Berlin?")


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Los Angeles", "America/Los_Angeles"),
        ("Asia/Tokio", "Asia/Tokyo"),
        ("US/Pacfic", "US/Pacific"),
        ("utc", "UTC"),
        ("Etc/utc", "UTC"),
        ("Singapor", "Singapore"),
    ],
)
def test_another_spelling_of_a_place_is_recognised(name, zone):
    assert str(zone_problem(name)).endswith(f"; did you mean {zone}?")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("GMT+8", "name a city, or Etc/GMT-8 for UTC+8 all year"),
        ("UTC-3", "name a city, or Etc/GMT+3 for UTC-3 all year"),
        ("+08:00", "name a city, or Etc/GMT-8 for UTC+8 all year"),
        ("UTC+0", "name a city, or UTC for UTC+0 all year"),
        ("UTC+5:30", "an offset has no summer time: name a city"),
        ("GMT+15", "an offset has no summer time: name a city"),
        *(
            (name, "an abbreviation may mean several zones: name a city")
            for name in ("PST", "EDT", "BST", "AEST", "IST")
        ),
    ],
)
def test_an_offset_or_an_abbreviation_is_not_taken_for_a_zone_that_resembles_it(name, hint):
    problem = str(zone_problem(name))

    assert problem.endswith(hint)
    assert "did you mean" not in problem


@pytest.mark.parametrize(
    "name",
    ["Asia/Beijing", "Europe/Frankfurt", "Europe/Munich", "America/Seattle", "Asia/Bombay", "Pacific", "EST5",
     "Etc/UTC+1", "W. Europe Standard Time", ""],
)  # fmt: skip
def test_a_place_that_the_database_lacks_has_no_suggestion_of_another_one(name):
    assert "did you mean" not in str(zone_problem(name))


def test_the_zone_for_an_offset_has_that_offset():
    for hours in range(-12, 15):
        zone = str(zone_problem(f"UTC{hours:+d}")).partition(", or ")[2].split()[0]
        assert zoneinfo.ZoneInfo(zone).utcoffset(datetime(2026, 7, 1)) == timedelta(hours=hours)
