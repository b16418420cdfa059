"""Imports between our packages go one way.

Code in the Lambda never imports deploy-time code, the product never imports the local cloud, the demo or the benchmark,
and nothing imports the command line.
"""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase

import grimp
import pytest
from packaging.requirements import Requirement

from batchbell.plugins import find_plugins

RUN_TIME = tuple(
    f"batchbell.{name}"
    for name in ("wire", "contract", "texts", "time_limit", "aws_clients", "aws_errors", "partitions")
)
NOTIFIER = (*RUN_TIME, "batchbell.webhook")  # not for the dispatcher, since it needs requests
DEPLOY_TIME = ("batchbell.wire", "batchbell.provisioning", "batchbell.plugins", "batchbell.partitions")
PREVIEW = ("batchbell.preview", "batchbell.slack_markup")
NOT_IN_LAMBDA = (".infrastructure", ".preview")  # modules of a notifier that are not in the Lambda

# By package: which of our other packages it may import. The most specific line applies. A new module needs a line.
ARROWS = {
    "batchbell.wire": (),
    "batchbell.partitions": (),
    "batchbell.contract": (),
    "batchbell.texts": ("batchbell.contract", "batchbell.wire"),
    "batchbell.time_limit": (),
    "batchbell.terminal": (),
    "batchbell.checked_output": (),
    "batchbell.aws_clients": (),
    "batchbell.aws_errors": ("batchbell.contract", "batchbell.texts", "batchbell.time_limit"),
    "batchbell.webhook": ("batchbell.contract", "batchbell.time_limit"),
    "batchbell.dispatcher": RUN_TIME,
    "notifiers.*": NOTIFIER,
    "notifiers.*.infrastructure": (*DEPLOY_TIME, *NOTIFIER),
    "notifiers.*.preview": (*PREVIEW, *NOTIFIER),
    "batchbell.preview": ("batchbell.contract",),
    "batchbell.slack_markup": (),
    "batchbell.provisioning": (),
    "batchbell.plugins": ("batchbell.wire", "batchbell.provisioning"),
    "batchbell.stack_files": ("batchbell.pulumi_yaml",),
    "batchbell.pulumi_yaml": (),
    "batchbell.testing": (),
    "batchbell.conformance": (*NOTIFIER, "batchbell.testing"),
    "components": DEPLOY_TIME,
    "tools": (*DEPLOY_TIME, "components", "batchbell.terminal"),
    "batchbell_local": ("batchbell.stack_files", "batchbell.testing"),
    "batchbell.cli": (
        *(*DEPLOY_TIME, *RUN_TIME, *PREVIEW),
        *("batchbell.dispatcher", "batchbell.stack_files", "batchbell.terminal", "components", "notifiers"),
        "batchbell.checked_output",
    ),
    "batchbell.__main__": ("batchbell.cli",),
    "demo": (*DEPLOY_TIME, *RUN_TIME, "batchbell.terminal", "batchbell.checked_output", "batchbell_local"),
    "bench": (*DEPLOY_TIME, *RUN_TIME, "batchbell.dispatcher", "components", "batchbell_local", "demo"),
}
TOP_LEVEL = ("batchbell", "batchbell_local", "bench", "components", "demo", "notifiers", "tools")

# By package in the Lambda: the third-party packages that it may import; for a notifier also those that it REQUIRES.
RUNTIME_PROVIDES = {"boto3", "botocore"}
THIRD_PARTY = {
    "batchbell.wire": set[str](),
    "batchbell.partitions": set[str](),
    "batchbell.contract": set[str](),
    "batchbell.texts": set[str](),
    "batchbell.time_limit": set[str](),
    "batchbell.aws_clients": RUNTIME_PROVIDES,
    "batchbell.aws_errors": RUNTIME_PROVIDES,
    "batchbell.webhook": {"requests"},
    "batchbell.dispatcher": {*RUNTIME_PROVIDES, "aws_lambda_powertools"},
    **{
        f"notifiers.{name}": {*RUNTIME_PROVIDES, *(Requirement(one).name for one in plugin.requires())}
        for name, plugin in find_plugins().items()
    },
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*TOP_LEVEL, include_external_packages=True, cache_dir=None)


def within(module: str, package: str) -> bool:
    return fnmatchcase(module, package) or fnmatchcase(module, f"{package}.*")


def line_of(module: str) -> str | None:
    """Return the line of ARROWS that applies to the module, or None."""
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
        line == "notifiers.*" and imported.endswith(NOT_IN_LAMBDA)
    )


def ours(graph: grimp.ImportGraph) -> list[str]:
    return sorted(module for module in graph.modules if module.split(".")[0] in TOP_LEVEL)


def test_every_module_has_a_line_in_arrows(graph: grimp.ImportGraph) -> None:
    assert [module for module in ours(graph) if line_of(module) is None and module not in TOP_LEVEL] == []


def test_every_import_is_allowed_by_arrows(graph: grimp.ImportGraph) -> None:
    modules = set(ours(graph))
    broken = [
        f"{importer} imports {imported}"
        for importer in sorted(modules)
        for imported in sorted(graph.find_modules_directly_imported_by(importer) & modules)
        if not may_import(importer, imported)
    ]
    assert broken == []


def test_code_in_the_lambda_imports_only_its_allowed_third_party_packages(graph: grimp.ImportGraph) -> None:
    broken = [
        f"{importer} imports {imported}"
        for importer in ours(graph)
        for package, allowed in THIRD_PARTY.items()
        if within(importer, package) and not importer.endswith(NOT_IN_LAMBDA)
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
        ("batchbell_local.cloud", "bench.measurement", False),
        ("batchbell.provisioning", "batchbell.cli", False),
        ("batchbell.something_new", "batchbell.contract", False),
    ],
)
def test_arrows_allow_imports_in_one_direction(importer: str, imported: str, allowed: bool) -> None:
    assert may_import(importer, imported) is allowed


def test_only_the_conformance_kit_imports_pytest(graph: grimp.ImportGraph) -> None:
    importers = graph.find_modules_that_directly_import("pytest")
    assert {importer for importer in importers if not within(importer, "batchbell.conformance")} == set()
