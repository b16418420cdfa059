"""Generates plugin/schema.json from the settings' models: what programs in other languages are checked against.

https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/ describes the format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from batchbell import __version__
from batchbell.plugins import Plugin, find_plugins
from batchbell.provisioning import SecretReference
from components.settings.field_description import describe_field, flow_yaml, without_none
from components.settings.model import Settings
from components.settings.notifiers import EntrySettings, NotifierChoice
from plugin.spelling import camel_case, in_camel_case, snake_case

PACKAGE = "batchbell"
_TOKEN = f"{PACKAGE}:index:"
_PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string"}
_NAMES: Mapping[type[BaseModel], str] = {NotifierChoice: "Notifier", SecretReference: "Secret"}

_DESCRIPTION = "Sends one message when a whole AWS Batch array job has finished."
_OUTPUTS = {
    "function_name": "name of the Lambda function",
    "rule_arn": "ARN of the rule that matches finished jobs",
    "intake_queue_url": "URL of the queue that events come to",
    "retry_queue_url": "URL of the queue with messages that a notifier still has to get",
    "dead_letter_queue_url": "URL of the queue with what could not be delivered",
    "ledger_table_name": "name of the table that says who has which message",
    "job_queue_arn": "ARN of the job queue, if an environment was created",
    "job_queue_name": "name of the job queue, if an environment was created",
    "job_definition_name": "name of the job definition, if an environment was created",
    "compute_environment_name": "name of the compute environment, if an environment was created",
}
_ONLY_WITH_ENVIRONMENT = ("job_queue_arn", "job_queue_name", "job_definition_name", "compute_environment_name")
_TOPICS = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "ARNs of the topics that notifiers publish to, by the notifier's name",
}


def plugin_schema() -> str:
    """The schema as JSON, with batchbell's own notifiers only, whatever plug-ins are installed."""
    types: dict[str, Any] = {}
    inputs = _properties(Settings, types)
    properties = {camel_case(name): {"type": "string", "description": text} for name, text in _OUTPUTS.items()}
    schema = {
        "name": PACKAGE,
        "displayName": PACKAGE,
        "version": __version__,
        "description": _DESCRIPTION,
        "keywords": ["aws", "batch", "category/utility", "kind/component"],
        "license": "MIT",
        "publisher": PACKAGE,
        "resources": {
            f"{_TOKEN}ArrayJobNotifier": {
                "isComponent": True,
                "description": _DESCRIPTION,
                "inputProperties": inputs,
                "requiredInputs": _required(Settings),
                "properties": {**properties, "topicArns": _TOPICS},
                "required": [camel_case(name) for name in _OUTPUTS if name not in _ONLY_WITH_ENVIRONMENT]
                + ["topicArns"],
            }
        },
        "types": types,
        "language": {"nodejs": {"respectSchemaVersion": True}, "python": {"pyproject": {"enabled": True}}},
    }
    names = {name for one in (schema["resources"], types) for name in _setting_names(one)}
    return json.dumps(_translated(schema, names), indent=2, ensure_ascii=False) + "\n"


def _properties(model: type[BaseModel], types: dict[str, Any]) -> dict[str, Any]:
    properties = {}
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        if snake_case(camel_case(name)) != name:
            raise ValueError(f"{name}: a setting's name must be the same after it was camelCase")
        described = {"description": _description(model, name)}
        properties[camel_case(name)] = {**_type(field.annotation, types), **described}
    return properties


def _required(model: type[BaseModel]) -> list[str]:
    return [camel_case(name) for name, field in model.model_fields.items() if field.is_required()]


def _type(annotation: Any, types: dict[str, Any]) -> dict[str, Any]:
    """The type in the schema's words. `plain`: the value must be known before anything is created."""
    annotation = without_none(annotation)
    if get_origin(annotation) is not None and hasattr(annotation, "__metadata__"):  # Annotated
        return _type(get_args(annotation)[0], types)
    if annotation is Any:
        return {"type": "string"}  # an ARN or an id, which may be an Output
    if annotation in _PLAIN:
        return {"type": _PLAIN[annotation], "plain": True}
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"type": _PLAIN[type(arguments[0])], "plain": True}
    if origin in (Union, UnionType):
        return _type(arguments[0], types)
    if origin in (tuple, list):
        return {"type": "array", "items": _type(arguments[0], types), "plain": True}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {"$ref": f"#/types/{_reference(annotation, types)}", "plain": True}
    if len(arguments) == 2:
        return {"type": "object", "additionalProperties": {**_type(arguments[1], types), "plain": True}, "plain": True}
    raise ValueError(f"{annotation}: the schema knows no such type")


def _reference(model: type[BaseModel], types: dict[str, Any]) -> str:
    token = _TOKEN + _NAMES.get(model, model.__name__.removesuffix("Settings"))
    if token not in types:
        types[token] = {}  # a place, in the order in which types are first used
        types[token] = _notifier(types) if model is NotifierChoice else _object(model, types)
        if model is SecretReference:
            types[token]["properties"]["value"] = {
                "type": "string",
                "secret": True,
                "description": "the secret itself, which is stored as an SSM SecureString; takes a secret Output",
            }
    return token


def _object(model: type[BaseModel], types: dict[str, Any]) -> dict[str, Any]:
    written = {"type": "object", "properties": _properties(model, types), "required": _required(model)}
    if text := " ".join((model.__doc__ or "").split("\n\n")[0].split()):
        written["description"] = text
    return {key: value for key, value in written.items() if value}


def _notifier(types: dict[str, Any]) -> dict[str, Any]:
    """Everything that an entry of one of batchbell's own notifiers may have, and `settings` for those of others."""
    plugins = [plugin for plugin in find_plugins().values() if plugin.distribution is None]
    names = ", ".join(plugin.type for plugin in plugins)
    properties = {
        "type": {
            "type": "string",
            "plain": True,
            "description": f"type of the notifier; takes one of {names}, or of an installed plug-in",
        },
        **_properties(EntrySettings, types),
    }
    for name, owners in _own(plugins, types):
        kinds = {json.dumps({**one, "description": ""}) for one in owners.values()}
        if name in properties or len(kinds) > 1:
            raise ValueError(f"notifiers.{name}: {', '.join(owners)} and others have it with another type")
        texts = [f"{plugin}: {one['description']}" for plugin, one in owners.items()]
        properties[name] = {**next(iter(owners.values())), "description": "\n\n".join(texts)}
    properties["settings"] = {
        "type": "object",
        "additionalProperties": {"$ref": "pulumi.json#/Any"},
        "plain": True,
        "description": "settings of the type's own, if it is a plug-in of somebody else, with the names that it gives",
    }
    return {
        "type": "object",
        "description": "Who gets messages: one channel, with its filters.",
        "properties": properties,
        "required": ["type", *_required(EntrySettings)],
    }


def _own(plugins: list[Plugin], types: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each setting of the notifiers' own, with what it is for those that have it."""
    found: dict[str, dict[str, Any]] = {}
    for plugin in plugins:
        for name, one in _properties(plugin.infrastructure().Settings, types).items():
            found.setdefault(name, {})[plugin.type] = one
    yield from found.items()


def _description(model: type[BaseModel], name: str) -> str:
    field, expected = model.model_fields[name], describe_field(model, (name,))
    default = None if field.is_required() else field.get_default()
    sentences = [field.title, f"takes {expected.takes}" if expected.takes else None]
    if isinstance(default, str | int | float | tuple):
        sentences.append(f"default: {flow_yaml(default) if default != '' else repr('')}")
    if expected.example is not None:
        sentences.append(f"example: {flow_yaml(expected.example)}")
    return "; ".join(one for one in sentences if one)


def _setting_names(written: Any) -> Iterator[str]:
    if isinstance(written, Mapping):
        for key in ("properties", "inputProperties"):
            yield from map(snake_case, written.get(key, ()))
        for inner in written.values():
            yield from _setting_names(inner)


def _translated(written: Any, names: set[str]) -> Any:
    """The same with the names of settings in camelCase in all descriptions."""
    if isinstance(written, list):
        return [_translated(one, names) for one in written]
    if isinstance(written, Mapping):
        return {
            key: in_camel_case(one, names) if key == "description" and isinstance(one, str) else _translated(one, names)
            for key, one in written.items()
        }
    return written
