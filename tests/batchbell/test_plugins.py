"""Finding notifiers, and broken ones: they affect only the stacks that choose them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from batchbell.plugins import PluginError, find_plugins
from components.settings.mistakes import InvalidSettings
from components.settings.model import check_settings
from tests.installed import INFRASTRUCTURE, put_distribution, write

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
MAIL = {"type": "email", "name": "team", "sender": "batch@example.com", "recipients": ["a@example.com"]}
PAGER = {"type": "pager", "name": "night"}


def put_pager(site: Path, package: str, *, value: str | None = None, distribution: str = "", **files: str) -> None:
    """Install a distribution with the notifier `pager`. `files`: texts by name without .py; other files are valid."""
    everything = {
        "__init__": "",
        "infrastructure": INFRASTRUCTURE,
        "notifier": "def create(settings, secrets): ...",
        **files,
    }
    put_distribution(
        site,
        distribution or f"acme-{package}",
        {f"{package}/{name}.py": text for name, text in everything.items() if text != "absent"},
        entry_points_txt=f"[batchbell.notifiers]\npager = {value or package}\n",
    )


def mistakes(*notifiers: Mapping[str, object]) -> list[str]:
    raw = {"notifiers": list(notifiers), "job_queue_arns": [QUEUE]}
    try:
        check_settings(raw, secrets=None, context=None, prefix="batchbell:")
    except InvalidSettings as invalid:
        return [str(mistake) for mistake in invalid.mistakes]
    return []


def test_a_folder_and_an_installed_distribution_are_found_without_a_registry(site: Path) -> None:
    put_pager(site, "pager_found")

    assert find_plugins().keys() == {"apprise", "slack", "email", "sns", "pager"}
    assert find_plugins()["pager"].origin == "distribution acme-pager_found 1.0"
    assert mistakes(PAGER, MAIL) == []


def test_a_notifier_that_was_not_chosen_is_not_imported(site: Path) -> None:
    put_pager(site, "pager_unchosen")

    assert mistakes(MAIL) == []
    (reported,) = mistakes(MAIL | {"type": "pagr"})
    assert "pager" in reported
    assert not [name for name in sys.modules if name.startswith("pager_unchosen")]


@pytest.mark.parametrize(
    ("package", "files", "reported"),
    [
        ("p_raises", {"infrastructure": "1 / 0"}, "infrastructure.py cannot be imported: ZeroDivisionError"),
        ("p_lacks", {"infrastructure": "import acme_no"}, "ModuleNotFoundError: No module named 'acme_no'"),
        ("p_exits", {"__init__": "raise SystemExit('no')"}, "infrastructure.py cannot be imported: SystemExit: no"),
        ("p_syntax", {"infrastructure": "def"}, "infrastructure.py cannot be imported: SyntaxError"),
        ("p_half", {"infrastructure": "absent"}, "No module named 'p_half.infrastructure'"),
        ("p_other_half", {"notifier": "absent"}, "the module p_other_half.notifier does not exist"),
        ("p_no_settings", {"infrastructure": "def provision(): ..."}, "has no Settings that is a subclass of batch"),
        (
            "p_model",
            {"infrastructure": f"{INFRASTRUCTURE}\nimport pydantic\nclass Settings(pydantic.BaseModel): ..."},
            "has no Settings that is a subclass of batchbell.provisioning.NotifierSettings",
        ),
        ("p_no_provision", {"infrastructure": f"{INFRASTRUCTURE}\nprovision = None"}, "has no function provision"),
        (
            "p_text",
            {"infrastructure": f"{INFRASTRUCTURE}\nREQUIRES = 'PyYAML'"},
            "REQUIRES in infrastructure.py must be a tuple of requirements",
        ),
        (
            "p_bad",
            {"infrastructure": f"{INFRASTRUCTURE}\nREQUIRES = ('a b',)"},
            "REQUIRES in infrastructure.py must be a tuple of requirements",
        ),
        ("p_nowhere", {"value": "acme_nowhere"}, "the package acme_nowhere does not exist"),
        ("p_beneath", {"value": "acme_nowhere.pager"}, "acme_nowhere.pager cannot be imported: ModuleNotFoundError"),
        ("p_attribute", {"value": "p_attribute:create"}, "the package p_attribute:create does not exist"),
        ("p_module", {"value": "p_module.notifier"}, "the package p_module.notifier does not exist"),
    ],
)
def test_a_broken_notifier_is_named_with_its_distribution_and_breaks_only_stacks_that_choose_it(
    site: Path, package: str, files: dict[str, str], reported: str
) -> None:
    put_pager(site, package, **files)

    assert mistakes(MAIL) == []
    (mistake,) = mistakes(MAIL, PAGER)
    assert mistake.startswith(f"batchbell:notifiers[1].type: notifier pager (distribution acme-{package} 1.0): ")
    assert reported in mistake


def test_two_notifiers_of_the_same_type_are_both_named_if_one_is_chosen(site: Path) -> None:
    put_pager(site, "pager_one")
    put_pager(site, "pager_two")
    put_distribution(site, "acme-mail", {}, entry_points_txt="[batchbell.notifiers]\nemail = acme_mail\n")

    assert mistakes({"type": "sns", "name": "topic"}) == []
    (pagers, mail) = mistakes(PAGER, MAIL)
    assert "2 notifiers are named pager" in pagers
    assert "distribution acme-pager_one 1.0" in pagers and "distribution acme-pager_two 1.0" in pagers
    assert "named email, only one may be: folder notifiers/email and distribution acme-mail 1.0" in mail


def test_a_distribution_that_is_found_twice_has_no_rival(site: Path) -> None:
    """Pip leaves a renamed folder behind if it is killed while it replaces a version."""
    put_pager(site, "pager_twice", distribution="acme-twice")
    write(site / "~cme_twice-1.0.dist-info", {"entry_points.txt": "[batchbell.notifiers]\npager = pager_twice\n"})
    assert mistakes(PAGER) == []
    write(site / "~cme_twice-1.0.dist-info", {"METADATA": "Metadata-Version: 2.1\nName: acme-twice\nVersion: 1.0\n"})
    assert mistakes(PAGER) == []


def test_an_unknown_type_is_reported_with_the_most_similar_one_and_all_types(site: Path) -> None:
    put_pager(site, "pager_known")

    assert mistakes(MAIL | {"type": "slak"}) == [
        "batchbell:notifiers[0].type: got 'slak', which is not a notifier; did you mean slack? "
        "Available: apprise, email, pager, slack, sns"
    ]
    for entry, reported in (
        (
            MAIL | {"type": "teams"},
            "got 'teams', which is not a notifier; available: apprise, email, pager, slack, sns",
        ),
        (MAIL | {"type": 7}, "got 7; takes one of apprise, email, pager, slack, sns, for example email"),
        ({"name": "team"}, "is missing; takes one of apprise, email, pager, slack, sns, for example email"),
    ):
        assert mistakes(entry) == [f"batchbell:notifiers[0].type: {reported}"]


@pytest.mark.parametrize("half", ["infrastructure.py", "notifier.py"])
def test_a_folder_with_only_one_half_is_reported_as_broken_and_not_as_unknown(
    half: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(site, {"halves/__init__.py": "", "halves/pager/__init__.py": "", f"halves/pager/{half}": INFRASTRUCTURE})
    monkeypatch.setattr("batchbell.plugins.notifiers_package", lambda: ("halves", site / "halves"))

    with pytest.raises(PluginError, match=r"notifier pager \(folder notifiers/pager\): .*halves.pager"):
        find_plugins()["pager"].infrastructure()
