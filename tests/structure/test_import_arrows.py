"""Arrows between our packages point one way: what runs in the Lambda knows nothing of deploy time, and nothing knows
of the local cloud or the command line."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase

import grimp
import pytest

from batchbell.plugins import find_plugins

RUN_TIME = ("batchbell.contract", "batchbell.texts", "batchbell.time_limit", "batchbell.aws_answers")
NOTIFIER = (*RUN_TIME, "batchbell.webhook")  # the dispatcher stays without it: it needs requests
DEPLOY_TIME = ("batchbell.provisioning", "batchbell.plugins")
PREVIEW = ("batchbell.preview", "batchbell.slack_markup")
HALVES = (".infrastructure", ".preview")  # of a notifier, beside what runs in the Lambda

# Who may import what of our own, besides itself. The most specific line counts. A new module needs a line.
ARROWS = {
    "batchbell.contract": (),
    "batchbell.texts": ("batchbell.contract",),
    "batchbell.time_limit": (),
    "batchbell.aws_answers": ("batchbell.contract", "batchbell.texts", "batchbell.time_limit"),
    "batchbell.webhook": ("batchbell.contract", "batchbell.time_limit"),
    "batchbell.dispatcher": RUN_TIME,
    "notifiers.*": NOTIFIER,
    "notifiers.*.infrastructure": (*DEPLOY_TIME, *NOTIFIER),
    "notifiers.*.preview": (*PREVIEW, *NOTIFIER),
    "batchbell.preview": ("batchbell.contract",),
    "batchbell.slack_markup": (),
    "batchbell.provisioning": (),
    "batchbell.plugins": ("batchbell.provisioning",),
    "batchbell.stack_files": (),
    "batchbell.testing": (),
    "batchbell.conformance": (*NOTIFIER, "batchbell.testing"),
    "components": DEPLOY_TIME,
    "tools": (*DEPLOY_TIME, "components"),
    "batchbell_local": ("batchbell.stack_files", "batchbell.testing"),
    "batchbell.cli": (
        *(*DEPLOY_TIME, *RUN_TIME, *PREVIEW),
        *("batchbell.dispatcher", "batchbell.stack_files", "components", "notifiers"),
    ),
    "batchbell.__main__": ("batchbell.cli",),
    "demo": (*DEPLOY_TIME, *RUN_TIME, "batchbell_local"),
    "bench": (*DEPLOY_TIME, *RUN_TIME, "batchbell.dispatcher", "components", "batchbell_local", "demo"),
}
TOP_LEVEL = ("batchbell", "batchbell_local", "bench", "components", "demo", "notifiers", "tools")

# Third-party packages of what runs in the Lambda; a notifier has those that it REQUIRES, too.
RUNTIME_PROVIDES = {"boto3", "botocore"}
THIRD_PARTY = {
    "batchbell.contract": set[str](),
    "batchbell.texts": set[str](),
    "batchbell.time_limit": set[str](),
    "batchbell.aws_answers": RUNTIME_PROVIDES,
    "batchbell.webhook": {"requests"},
    "batchbell.dispatcher": {*RUNTIME_PROVIDES, "aws_lambda_powertools"},
    **{f"notifiers.{name}": {*RUNTIME_PROVIDES, *plugin.requires()} for name, plugin in find_plugins().items()},
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*TOP_LEVEL, include_external_packages=True, cache_dir=None)


def within(module: str, package: str) -> bool:
    return fnmatchcase(module, package) or fnmatchcase(module, f"{package}.*")


def line_of(module: str) -> str | None:
    """The line of ARROWS that the module is under."""
    return max((line for line in ARROWS if within(module, line)), key=lambda line: line.count("."), default=None)


def may_import(importer: str, imported: str) -> bool:
    if imported in TOP_LEVEL and imported != "components":  # a package's own __init__ is a docstring
        return True
    line = line_of(importer)
    if line is None:
        return False
    home = ".".join(importer.split(".")[: line.count(".") + 1])  # notifiers.slack for the line notifiers.*
    own = home.removesuffix(".infrastructure").removesuffix(".preview")
    return any(within(imported, package) for package in (own, *ARROWS[line])) and not (
        line == "notifiers.*" and imported.endswith(HALVES)
    )


def ours(graph: grimp.ImportGraph) -> list[str]:
    return sorted(module for module in graph.modules if module.split(".")[0] in TOP_LEVEL)


def test_every_module_has_a_place(graph: grimp.ImportGraph) -> None:
    assert [module for module in ours(graph) if line_of(module) is None and module not in TOP_LEVEL] == []


def test_no_import_goes_against_the_arrows(graph: grimp.ImportGraph) -> None:
    known = set(ours(graph))
    broken = [
        f"{importer} imports {imported}"
        for importer in sorted(known)
        for imported in sorted(graph.find_modules_directly_imported_by(importer) & known)
        if not may_import(importer, imported)
    ]
    assert broken == []


def test_what_runs_in_the_lambda_uses_no_third_party_package_but_its_own(graph: grimp.ImportGraph) -> None:
    broken = [
        f"{importer} imports {imported}"
        for importer in ours(graph)
        for package, allowed in THIRD_PARTY.items()
        if within(importer, package) and not importer.endswith(HALVES)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if imported.split(".")[0] not in {*TOP_LEVEL, *sys.stdlib_module_names, *allowed}
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("batchbell.dispatcher.records.job", "batchbell.contract", True),
        ("batchbell.dispatcher.records.job", "batchbell.provisioning", False),
        ("batchbell.dispatcher.records.job", "batchbell.webhook", False),
        ("batchbell.dispatcher.records.job", "components.settings.model", False),
        ("batchbell.dispatcher.records.job", "notifiers.slack.notifier", False),
        ("batchbell.contract", "batchbell.texts", False),
        ("notifiers.slack.notifier", "notifiers.slack.blocks", True),
        ("notifiers.slack.notifier", "batchbell.webhook", True),
        ("notifiers.slack.notifier", "notifiers.slack.infrastructure", False),
        ("notifiers.slack.notifier", "notifiers.email.notifier", False),
        ("notifiers.slack.notifier", "batchbell.dispatcher.records.job", False),
        ("notifiers.slack.infrastructure", "batchbell.provisioning", True),
        ("notifiers.slack.infrastructure", "notifiers.slack.notifier", True),
        ("notifiers.slack.infrastructure", "components", False),
        ("notifiers.slack.notifier", "notifiers.slack.preview", False),
        ("notifiers.slack.notifier", "batchbell.preview", False),
        ("notifiers.slack.preview", "batchbell.preview", True),
        ("notifiers.slack.preview", "notifiers.slack.blocks", True),
        ("notifiers.slack.preview", "batchbell.provisioning", False),
        ("components.package.bundle", "batchbell.plugins", True),
        ("components.package.bundle", "batchbell.contract", False),
        ("components.settings.model", "batchbell.stack_files", False),
        ("batchbell_local.cloud", "batchbell.stack_files", True),
        ("batchbell_local.cloud", "batchbell.contract", False),
        ("batchbell_local.cloud", "demo.print_color", False),
        ("batchbell.cli", "batchbell_local.cloud", False),
        ("batchbell.dispatcher.records.job", "batchbell_local.cloud", False),
        ("batchbell.conformance", "demo.print_color", False),
        ("batchbell_local.cloud", "bench.finding", False),
        ("batchbell.provisioning", "batchbell.cli", False),
        ("batchbell.something_new", "batchbell.contract", False),
    ],
)
def test_the_arrows_point_one_way(importer: str, imported: str, allowed: bool) -> None:
    assert may_import(importer, imported) is allowed


def test_only_the_kit_imports_pytest(graph: grimp.ImportGraph) -> None:
    importers = graph.find_modules_that_directly_import("pytest")
    assert {importer for importer in importers if not within(importer, "batchbell.conformance")} == set()
