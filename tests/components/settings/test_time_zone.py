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
