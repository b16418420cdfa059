"""Every key of Pulumi.yaml, set with the real CLI, reaches the program; a plain-text secret is refused."""

from __future__ import annotations

import json
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchbell.plugins import find_plugins
from components.settings.notifiers import EntrySettings
from components.settings.stack_config import config_keys

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.yaml").read_text("utf-8"))["config"]
DECLARED = {key: item for key, item in CONFIG.items() if ":" not in key}
WEBHOOK = "https://hooks.slack.com/services/T0000/B0000/notarealtoken"
SECRETS = {
    "slackWebhook": WEBHOOK,
    "slackToken": "xoxb-0000-0000-notarealtoken",
    "appriseUrl": "discord://000000/notarealtoken",
}
WAYS = {"slack": [{"webhook"}, {"token", "channel", "api"}]}  # settings that exclude each other: an entry for each set

# Reads the settings as this project's program does, and writes them to a file instead of creating resources.
PROGRAM = """
    import functools, json, pathlib, pulumi
    from components.deployment_context import find_deployment_context
    from components.settings.stack_config import config_keys, settings_from_stack, stack_secrets

    def as_written(choice):
        if not hasattr(choice, "plugin"):
            return choice.model_dump()
        names = ("name", "statuses", "jobs", "tags", "log_lines", "digest_after")
        entry = {name: getattr(choice, name) for name in names}
        return {"type": choice.plugin.type, **entry, **choice.settings.model_dump(exclude_unset=True)}

    settings = settings_from_stack(find_deployment_context(pulumi.get_stack()))
    taken = {name: functools.reduce(getattr, key.path, settings) for name, key in config_keys().items()}
    written = json.dumps([taken, dict(stack_secrets())], default=as_written)
    pathlib.Path("taken.json").write_text(written)
"""


def examples(model: Any) -> dict[str, Any]:
    return {name: field.examples[0] for name, field in model.model_fields.items()}


def every_notifier() -> list[dict[str, Any]]:
    """Return one entry of each notifier type, with every setting, or one for each way to set it."""
    entries = []
    for type_, plugin in find_plugins().items():
        settings, ways = examples(plugin.infrastructure().Settings), WAYS.get(type_, [set()])
        for number, way in enumerate(ways):
            taken = {name: value for name, value in settings.items() if name in way or name not in set.union(*ways)}
            entries.append({"type": type_, **examples(EntrySettings), "name": f"{type_}-{number}", **taken})
    return entries


def sample(key: str) -> Any:
    return every_notifier() if key == "notifiers" else config_keys()[key].example


def leaves(path: str, value: Any) -> dict[str, str]:
    """Flatten a nested value for `pulumi config set --path`: {"notifiers[0].type": "slack", …}."""
    if isinstance(value, list):
        return {key: text for number, one in enumerate(value) for key, text in leaves(f"{path}[{number}]", one).items()}
    if isinstance(value, dict):
        return {key: text for name, one in value.items() for key, text in leaves(f"{path}.{name}", one).items()}
    return {path: str(value).lower() if isinstance(value, bool) else str(value)}


@pytest.fixture(scope="module")
def own_cloud(cloud):
    """The one that all tests of the process share: these operations create nothing."""
    return cloud


@pytest.fixture(scope="module")
def cli():
    """Runs `pulumi` for a stack; `typed` is its standard input."""

    def run(stack, *arguments, typed=""):
        command = ["pulumi", *arguments, "--stack", stack.name, "--non-interactive"]
        done = subprocess.run(
            command, cwd=stack.folder, env=stack.environment, input=typed, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture(scope="module")
def stack(stack_of, copy_project, cli):
    """A stack with every key: one key of each type is set by itself, all others are set with one command."""
    folder = copy_project()
    (folder / "__main__.py").write_text(textwrap.dedent(PROGRAM))
    stack = stack_of(folder, "every-key")
    stack.secrets.clear()
    cli(stack, "stack", "init", "--secrets-provider", stack.secrets_provider)
    cli(stack, "config", "set", "--secret", "slackWebhook", typed=WEBHOOK)
    # One word of the command looks like a number.
    alone = {type(declared["default"]): key for key, declared in DECLARED.items()} | {list: "environment_command"}
    for key in alone.values():
        for path, text in leaves(key, sample(key)).items():
            cli(stack, "config", "set", *(["--path", "--type", "string"] if path != key else []), path, text)
    rest = [leaf for key in DECLARED if key not in alone.values() for leaf in leaves(key, sample(key)).items()]
    cli(
        stack,
        "config",
        "set-all",
        "--path",
        *(part for name in ("slackToken", "appriseUrl") for part in ("--secret", f"{name}={SECRETS[name]}")),
        *(part for path, text in rest for part in ("--plaintext", f"{path}={text}")),
    )
    return stack


@pytest.fixture(scope="module")
def taken(stack):
    """The settings and the secrets that the program received."""
    done = stack.run("preview")
    assert "notarealtoken" not in done.printed + stack.file.read_text()
    return json.loads((stack.folder / "taken.json").read_text())


@pytest.mark.parametrize("key", DECLARED)
def test_a_key_that_was_set_with_the_cli_reaches_the_program(taken, key):
    settings, _ = taken

    assert settings[key] == sample(key) != DECLARED[key]["default"]


def test_a_secret_that_was_typed_reaches_the_program_as_a_secret(taken):
    _, secrets = taken

    assert secrets == SECRETS


@pytest.fixture
def stack_to_spoil(stack):
    """The same stack; its file is restored after the test."""
    before = stack.file.read_text()
    yield stack
    stack.file.write_text(before)


@pytest.mark.parametrize(
    ("option", "errors"),
    [
        (
            "--plaintext",
            [
                "batchbell:slackWebhook: no such setting; a secret is set with",
                "notifiers[2].webhook: a secret is never",
            ],
        ),
        ("--secret", ["notifiers: is encrypted, but is not a secret"]),
    ],
    ids=["plain, by itself and in a notifier", "secret in a notifier"],
)
def test_a_secret_in_the_wrong_place_is_refused_with_the_command_to_type_and_not_shown(
    stack_to_spoil, cli, option, errors
):
    keys = ["slackWebhook", "notifiers[2].webhook"]
    cli(stack_to_spoil, "config", "set-all", "--path", *(part for key in keys for part in (option, f"{key}={WEBHOOK}")))
    done = stack_to_spoil.start("preview").finish()

    for error in errors:
        (line,) = {line.strip() for line in done.failed.splitlines() if error in line}
        assert "`pulumi config set --secret " in line
    assert "notarealtoken" not in done.printed
