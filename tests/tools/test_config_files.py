"""The files that are generated from the settings' models: Pulumi.yaml's config block, a page, a schema."""

from __future__ import annotations

import json

import pytest
import yaml
from pydantic.fields import FieldInfo

from batchbell.dispatcher.secret_store import CACHE_SECONDS
from batchbell.plugins import find_plugins
from batchbell.provisioning import SecretReference
from components.settings.field_description import describe_field
from components.settings.model import check_settings
from components.settings.notifiers import EntrySettings
from components.settings.stack_config import ConfigKey, config_keys, settings_from_config
from tools.config_block import declared_default, with_config_block
from tools.config_files import config_files

PLUGINS = {type_: plugin for type_, plugin in find_plugins().items() if plugin.distribution is None}
MODELS = {
    "entry": EntrySettings,
    "secret": SecretReference,
    **{type_: plugin.infrastructure().Settings for type_, plugin in PLUGINS.items()},
}
SETTINGS = [
    (model, name) for model, of in MODELS.items() for name, field in of.model_fields.items() if not field.exclude
]


@pytest.fixture
def files(project):
    return {path.name: text for path, text in config_files(project).items()}


@pytest.mark.parametrize("name", ["Pulumi.yaml", "docs/configuration.md", "plugin/schema.json"])
def test_the_written_files_are_up_to_date(project, name):
    written, wanted = (project / name).read_text("utf-8"), config_files(project)[project / name]

    assert written == wanted, f"{name} differs from the models: run `make docs`"


def test_the_rest_of_pulumi_yaml_stays_as_it_is():
    head, rest = "name: batchbell # ours\nruntime:\n  name: python\n", "backend:\n  url: file://~\n"
    anew = with_config_block(f"{head}config:\n  gone:\n    type: string\n\n  # too\n{rest}")

    assert anew.startswith(f"{head}config:\n") and anew.endswith(f"\n{rest}") and "gone" not in anew
    assert with_config_block(anew) == anew
    assert yaml.safe_load(with_config_block(head))["config"] == yaml.safe_load(anew)["config"]


@pytest.mark.parametrize("name", config_keys())
def test_a_key_shows_an_example_that_is_not_its_default(name):
    key = config_keys()[name]

    assert key.takes and key.purpose
    assert key.example not in (None, declared_default(key))


def test_the_examples_of_all_keys_are_valid_together():
    given = {name: key.example for name, key in config_keys().items()}
    as_text = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}

    settings_from_config(as_text, secrets=None, context=None, prefix="batchbell:")


@pytest.mark.parametrize(("model", "name"), SETTINGS)
def test_a_setting_of_a_notifier_says_what_it_is_for_what_it_takes_and_an_example(model, name):
    expected = describe_field(MODELS[model], (name,))

    assert MODELS[model].model_fields[name].title
    assert expected.takes and expected.example is not None


def test_the_page_lists_every_setting_and_its_example_entries_are_valid(files):
    page = files["configuration.md"]
    entries = [yaml.safe_load(line)[0] for line in page.splitlines() if line.startswith("- {")]

    assert [name for name in [*config_keys(), *(name for _, name in SETTINGS)] if f"- **`{name}`**: " not in page] == []
    assert list(dict.fromkeys(entry["type"] for entry in entries)) == sorted(PLUGINS)
    named = [entry | {"name": f"{entry['type']}-{number}"} for number, entry in enumerate(entries)]
    check_settings({"notifiers": named, "environment": {"name": "x"}}, secrets=None, context=None)


def test_the_page_says_how_long_an_old_secret_may_be_used(files):
    assert f"within {CACHE_SECONDS // 60} minutes" in files["configuration.md"]


@pytest.mark.parametrize("field", [FieldInfo(annotation=int), FieldInfo(annotation=str | None, default=None)])
def test_a_key_without_a_default_that_pulumi_yaml_can_hold_is_named(field):
    with pytest.raises(ValueError, match=r"function_zone: Pulumi\.yaml takes no null"):
        declared_default(ConfigKey(("function", "zone"), field))


def test_a_key_that_does_not_say_what_it_is_for_is_named():
    with pytest.raises(ValueError, match=r"zone: Field\(title="):
        _ = ConfigKey(("zone",), FieldInfo(annotation=str)).purpose
