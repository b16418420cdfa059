"""CloudFormation's resource schemas as cfn-lint ships them, read from its files: importing cfn-lint takes seconds.

cfn-lint adds keywords to JSON Schema (its docs: "Schema"), and formats, whose patterns stand in its sources.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import regex
from jsonschema import Draft7Validator, ValidationError, validators

from tests.judges.verdict import Verdict

COUNTED = {
    "pattern": "patterns",
    "format": "formats",
    "enum": "enums",
    "enumCaseInsensitive": "enums",
    "minimum": "ranges",
    "maximum": "ranges",
    "minLength": "lengths",
    "maxLength": "lengths",
    "minItems": "lengths",
    "maxItems": "lengths",
    "required": "required fields",
    "requiredOr": "required fields",
    "requiredXor": "required fields",
    "dependentExcluded": "exclusive fields",
    "dependentRequired": "required fields",
    "additionalProperties": "objects",
    "type": "values",
}


def _folder() -> Path:
    spec = importlib.util.find_spec("cfnlint")  # finds a top-level package without importing it
    assert spec is not None and spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


FOLDER = _folder()
SCHEMAS = FOLDER / "data" / "schemas"


class CfnSchemas:
    """The resource types of one Region."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._files: Mapping[str, str] = json.loads((SCHEMAS / "providers" / f"{region}.json").read_text())

    def __contains__(self, type_: str) -> bool:
        return type_ in self._files

    def properties(self, type_: str) -> Mapping[str, Any]:
        """Return a type's schema. Raises KeyError if the Region does not have the type."""
        return _schema(self._files[type_])

    def judge(self, place: str, type_: str, properties: Mapping[str, Any]) -> Verdict:
        """Judge a resource. `place` begins each finding."""
        verdict = Verdict()
        verdict.check("resources", type_ in self, f"{place}: {self.region} has no {type_}")
        if type_ not in self:
            return verdict
        schema = self.properties(type_)
        for read_only in schema.get("readOnlyProperties", ()):
            name = read_only.removeprefix("/properties/")
            verdict.check("read-only fields", name not in properties, f"{place}.{name}: only AWS sets it")
        for one in (schema, *_extensions(type_)):
            for error in _validator(verdict)(one).iter_errors(properties):
                verdict.findings.extend(_finding(place, leaf) for leaf in _leaves(error))
        return verdict


def resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and take the first one of alternatives."""
    while "$ref" in schema or ("oneOf" in schema and "type" not in schema and "properties" not in schema):
        if "oneOf" in schema and "$ref" not in schema:
            schema = schema["oneOf"][0]
            continue
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def is_tag_list(schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether the schema is a list of objects with Key and Value."""
    return set(resolve(schema.get("items", {}), root).get("properties", ())) == {"Key", "Value"}


@functools.cache
def _schema(file: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((SCHEMAS / "resources" / f"{file}.json").read_text())
    return found


@functools.cache
def _extensions(type_: str) -> Sequence[Mapping[str, Any]]:
    """cfn-lint's further rules about one resource alone, such as an alarm's period."""
    folder = SCHEMAS / "extensions" / type_.lower().replace("::", "_")
    found = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    return [one for one in found if "cfnGather" not in one and ("if" in one or "allOf" in one)]


@functools.cache
def formats() -> Mapping[str, regex.Pattern[str]]:
    """Return the patterns of the formats, by name, as the sources of cfn-lint's rules give them."""
    found = {}
    for file in sorted((FOLDER / "rules" / "formats").glob("*.py")):
        for call in ast.walk(ast.parse(file.read_text())):
            given = {one.arg: one.value for one in call.keywords} if isinstance(call, ast.Call) else {}
            if {"format", "pattern"} <= given.keys():
                name = ast.literal_eval(given["format"])
                found[name] = regex.compile("".join(_pieces(given["pattern"])))
    return found


ARN_PREFIX = r"^arn:aws[a-zA-Z-]*:"  # cfn-lint's FormatKeyword.ARN_PREFIX


def _pieces(expression: ast.expr) -> Iterator[str]:
    if isinstance(expression, ast.BinOp):
        yield from _pieces(expression.left)
        yield from _pieces(expression.right)
    else:
        yield ARN_PREFIX if isinstance(expression, ast.Attribute) else ast.literal_eval(expression)


def _finding(place: str, error: ValidationError) -> str:
    path = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in error.absolute_path)
    return f"{place}{path}: {error.message}"


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Return what went wrong in each alternative."""
    yield from [leaf for inner in error.context for leaf in _leaves(inner)] if error.context else [error]


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _format(validator: Any, name: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and name in formats() and not formats()[name].match(instance):
        yield ValidationError(f"{instance!r} is not a {name}")


def _enum_case_insensitive(validator: Any, values: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if str(instance).lower() not in values:
        yield ValidationError(f"{instance!r} is not one of {values}")


def _required_or(validator: Any, names: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict) and not any(name in instance for name in names):
        yield ValidationError(f"one of {names} is required")


def _required_xor(validator: Any, names: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict) and sum(name in instance for name in names) != 1:
        yield ValidationError(f"exactly one of {names} is required")


def _dependent_excluded(validator: Any, others: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    for name, excluded in others.items() if isinstance(instance, dict) else ():
        for other in excluded:
            if name in instance and other in instance:
                yield ValidationError(f"{other} excludes {name}")


def _dependent_required(validator: Any, others: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    for name, needed in others.items() if isinstance(instance, dict) else ():
        for other in needed:
            if name in instance and other not in instance:
                yield ValidationError(f"{name} needs {other}")


def _unique_keys(validator: Any, keys: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    seen = [tuple(one.get(key) for key in keys) for one in instance] if isinstance(instance, list) else []
    if len(set(seen)) < len(seen):
        yield ValidationError(f"{keys} is not unique")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """As in jsonschema, but with patterns that Python's re does not take."""
    for pattern, inner in patterns.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():
            if _compiled(pattern).search(name):
                yield from validator.descend(value, inner, path=name)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """As in jsonschema, but with patterns that Python's re does not take."""
    patterns = [_compiled(pattern) for pattern in schema.get("patternProperties", ())]
    for name in instance if isinstance(instance, dict) and allowed is False else ():
        if name not in schema.get("properties", ()) and not any(one.search(name) for one in patterns):
            yield ValidationError(f"{name} is no property of it")


@functools.cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)


_KEYWORDS = {
    "pattern": _pattern,
    "format": _format,
    "enumCaseInsensitive": _enum_case_insensitive,
    "requiredOr": _required_or,
    "requiredXor": _required_xor,
    "dependentExcluded": _dependent_excluded,
    "dependentRequired": _dependent_required,
    "uniqueKeys": _unique_keys,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}


def _validator(verdict: Verdict) -> Any:
    """Return a validator class that counts in `verdict` what it looks at."""

    def counting(keyword: str, validate: Any) -> Any:
        def judge(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
            verdict.judged[COUNTED[keyword]] += 1
            return validate(validator, value, instance, schema)

        return judge

    known = {**Draft7Validator.VALIDATORS, **_KEYWORDS}
    counted = {key: counting(key, validate) if key in COUNTED else validate for key, validate in known.items()}
    return validators.extend(Draft7Validator, counted)
