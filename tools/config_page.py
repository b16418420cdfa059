"""docs/configuration.md: every key of stack config and every setting of a notifier, from the settings' models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from pydantic import BaseModel

from batchbell.plugins import Plugin, find_plugins
from batchbell.provisioning import NotifierSettings, SecretReference
from components.settings.field_description import describe_field
from components.settings.mistakes import FLATTENED
from components.settings.model import Settings
from components.settings.notifiers import EntrySettings
from components.settings.stack_config import ConfigKey, config_keys

from .config_block import declared_default

_PAGE = """\
<!-- Written by `make docs` from the models of the settings (see components/settings): change them, not this. -->

# Configuration

What a stack can be told. Mistakes are told in `pulumi preview`, all at once, each with its key, what it got, what it
takes and an example; nothing is created then. Before that, the CLI refuses a key whose value is of another type than
Pulumi.yaml declares.

    pulumi config set environment_max_vcpus 64                 # a text, a number, true or false
    pulumi config set --path 'statuses[0]' FAILED              # an item of a list, from [0] on
    pulumi config set --path --type string 'environment_command[1]' 60   # one that is a text and looks like a number
    pulumi config set --path 'notifiers[0].type' slack         # a setting of a notifier
    pulumi config set --secret slackWebhook                    # a secret: asks for its value

Or write `Pulumi.STACK.yaml`, where each key begins with `batchbell:`. A text that looks like a number is quoted there:

```yaml
config:
  batchbell:environment_command: [sleep, "60"]
  batchbell:notifiers:
    - {notifier}
```

## The stack

{stack}
{groups}## Notifiers

Each entry of `notifiers` has these settings, and those of its type. A type may be used any number of times.

- **`type`**: what it is. Takes one of {names}, or of a package that is installed. Required. Example: `slack`.
{entry}
A filter that could never match is refused: a status that the stack's own `statuses` leave out, or a pattern that no
name of a job fits.

{types}## Secrets

A secret is never written in plain, neither as the value of a key nor inside `notifiers`: that is refused. Where a
setting takes a secret, it takes a reference, exactly one of

{forms}
and beside it, where the secret is encrypted with a key of your own:

{key}
The function may read exactly the secrets that its notifiers refer to, and decrypt with exactly the keys that are named.
A secret that was rotated is taken up without a deploy: within 5 minutes, and at once where the channel refuses the old
one, as Slack does. What was set with `--secret` is rotated by setting it again and `pulumi up`, which changes nothing
but the stored parameter.
"""


def config_page() -> str:
    """The page in Markdown. Notifiers are those that come with batchbell, whatever else is installed."""
    plugins = [plugin for plugin in find_plugins().values() if plugin.distribution is None]
    return _PAGE.format(
        notifier=_yaml(_entry(plugins[0])),
        stack=_keys(lambda group: group not in FLATTENED),
        groups="".join(f"{_group(group)}\n" for group in FLATTENED),
        names=", ".join(plugin.type for plugin in plugins),
        entry=_settings(EntrySettings),
        types="".join(f"{_type(plugin)}\n" for plugin in plugins),
        forms=_settings(SecretReference, lambda form: form != "kms_key_arn"),
        key=_settings(SecretReference, lambda form: form == "kms_key_arn"),
    )


def _group(group: str) -> str:
    return f"## {_heading(Settings.model_fields[group].title)}\n\n{_keys(lambda first: first == group)}"


def _keys(chosen: Callable[[str], bool]) -> str:
    """The keys of stack config whose settings, or groups of settings, are chosen."""
    return "".join(
        _item(name, key.purpose, key.takes, _default(key), key.example)
        for name, key in config_keys().items()
        if chosen(key.path[0])
    )


def _default(key: ConfigKey) -> str:
    """A group's settings are never required: without its first one there is none of it."""
    is_required = key.field.is_required() and len(key.path) == 1
    return "Required" if is_required else f"Default: `{_yaml(declared_default(key))}`"


def _settings(model: type[BaseModel], chosen: Callable[[str], bool] = lambda name: True) -> str:
    """The settings of a notifier's entry. A default of None is what their purpose says."""
    items = ""
    for name, field in model.model_fields.items():
        if chosen(name) and not field.exclude:
            expected = describe_field(model, (name,))
            no_default = field.is_required() or field.get_default() is None
            default = "Required" if field.is_required() else "" if no_default else f"Default: `{_yaml(field.default)}`"
            items += _item(name, field.title or "", expected.takes, default, expected.example)
    return items


def _type(plugin: Plugin) -> str:
    digests = f"more than {plugin.digest_after()} at once" if plugin.digest_after() else "never"
    return (
        f"### {plugin.type}\n\n"
        f"{_settings(plugin.infrastructure().Settings)}\n"
        f"```yaml\n- {_yaml(_entry(plugin))}\n```\n\n"
        f"Digests: {digests}, unless `digest_after` says otherwise. More: [{plugin.type}]"
        f"(../notifiers/{plugin.type}/README.md).\n"
    )


def _entry(plugin: Plugin) -> dict[str, Any]:
    """An entry of `notifiers` with what is required."""
    settings: type[NotifierSettings] = plugin.infrastructure().Settings
    required = [name for name, field in settings.model_fields.items() if field.is_required()]
    return {"type": plugin.type, "name": "ops"} | {name: describe_field(settings, (name,)).example for name in required}


def _item(name: str, purpose: str, takes: str | None, default: str, example: Any) -> str:
    sentences = [_escaped(purpose), f"Takes {_escaped(takes)}", default, f"Example: `{_yaml(example)}`"]
    return f"- **`{name}`**: " + " ".join(f"{sentence}." for sentence in sentences if sentence) + "\n"


def _escaped(words: str | None) -> str:
    return (words or "another value").replace("<", "&lt;")  # Name <address> is no tag


def _heading(words: str | None) -> str:
    return (words or "")[:1].upper() + (words or "")[1:]


def _yaml(value: Any) -> str:
    """As one writes it in Pulumi.<stack>.yaml, on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True)
    return text.strip().removesuffix("\n...")
