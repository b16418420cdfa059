"""Physical names by `pulumi:autonaming`."""

from __future__ import annotations

import json
import re

import pulumi
import pytest

from batchbell_local.pulumi.naming import KEY, Naming


def test_the_pattern_of_the_project_makes_names():
    naming = Naming.from_config("batchbell", "nightly", {KEY: json.dumps({"pattern": "${stack}-${name}-${hex(7)}"})})
    one, other = naming.name("bell-intake"), naming.name("bell-intake")

    assert re.fullmatch(r"nightly-bell-intake-[0-9a-f]{7}", one)
    assert one != other


def test_without_a_pattern_the_provider_makes_names():
    assert Naming.from_config("batchbell", "nightly", {}).name("bell-intake") == ""


@pytest.mark.parametrize(
    "settings", [{"mode": "verbatim"}, {"pattern": "${name}-${uuid}"}, {"pattern": "x", "enforce": True}]
)
def test_what_is_not_known_here_is_refused(settings):
    with pytest.raises(pulumi.RunError, match="pulumi:autonaming: local AWS knows"):
        Naming.from_config("batchbell", "nightly", {KEY: json.dumps(settings)})
