"""The base of all resource types: names, defaults, checks, and what a change means.

A subclass declares limits, conflicts and replacements, and implements create, find, update and remove with boto3
clients on plain dicts with wire names (Pulumi's camelCase, "visibilityTimeoutSeconds"). It behaves as the provider of
pulumi_aws 7, a bridge to the Terraform AWS provider 6; rules of that provider are cited as "Provider: <its source
file>".
"""

from __future__ import annotations

import json
import random as random_module
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from . import archives, schema
from .clients import Clients
from .errors import CheckFailure, InvalidInputs, suppress_gone
from .input_rules import Rule
from .property_values import Inputs, Outputs

RANDOM = 7  # hexadecimal digits in a generated name (provider: autonaming.go)
DEFAULTED = "__defaults"  # the bridge's list of the inputs that it filled in itself


@dataclass(frozen=True)
class Diff:
    """A change of inputs: the properties that changed, and those of them that require a new resource."""

    changes: frozenset[str]
    replaces: frozenset[str]
    delete_before_replace: bool


class ResourceType:
    """A resource type; see the module's docstring."""

    token: ClassVar[str]
    gone: ClassVar[tuple[str, ...]] = ()  # AWS's error codes that mean that the resource does not exist
    auto_name: ClassVar[str | None] = "name"  # the input that is generated if the program omits it
    name_limit: ClassVar[int] = 255  # provider: autonaming.go; overridden where resource_overrides.go does
    defaults: ClassVar[Mapping[str, Any]] = {}
    conflicts: ClassVar[tuple[tuple[str, str], ...]] = ()
    rules: ClassVar[tuple[Rule, ...]] = ()
    replaces: ClassVar[frozenset[str]] = frozenset()
    presence_replaces: ClassVar[frozenset[str]] = frozenset()  # blocks that replace when added or removed
    always_deletes_first: ClassVar[bool] = False
    json_documents: ClassVar[frozenset[str]] = frozenset()  # a dict is accepted too; compared as JSON
    secret_outputs: ClassVar[frozenset[str]] = frozenset()

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        """Create it from checked inputs; return its id and outputs. Raises AWS's errors."""
        raise NotImplementedError

    def read(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        """The inputs and outputs of the resource with this id; None if it does not exist."""
        with suppress_gone(*self.gone):
            return self.find(id, clients)
        return None

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        """As `read`, but may raise an error of `gone`."""
        raise NotImplementedError

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        """Change it in place from the old checked inputs to the new ones; return the new outputs."""
        raise NotImplementedError

    def delete(self, id: str, old: Inputs, clients: Clients) -> None:
        """Delete it if it still exists; `old` holds its last inputs or outputs."""
        with suppress_gone(*self.gone):
            self.remove(id, old, clients)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        """As `delete`, but may raise an error of `gone`."""
        raise NotImplementedError

    def check(
        self, name: str, olds: Inputs | None, news: Inputs, random: random_module.Random, proposed: str = ""
    ) -> Outputs:
        """Return the inputs with defaults and a physical name filled in. Values may be UNKNOWN.

        name: the logical name of the resource.
        olds: the checked inputs of the last deployment, whose generated name is kept.
        news: the inputs of the program.
        random: for the generated name.
        proposed: the generated name, made by the pattern that the project gives for names; "" if it gives none.

        Raises InvalidInputs with every mistake.
        """
        failures = [] if self._were_checked(olds, news) else list(schema.check(self.token, news))
        inputs = {key: value for key, value in news.items() if value is not None and key != DEFAULTED}
        filled = [key for key in self.defaults if key not in inputs and not self._excluded(key, inputs)]
        inputs.update({key: self.defaults[key] for key in filled})
        if self.auto_name and self.auto_name not in inputs and not self._excluded(self.auto_name, inputs):
            inputs[self.auto_name] = self._name(name, olds or {}, inputs, random, proposed)
            filled.append(self.auto_name)
            if len(inputs[self.auto_name]) > self.name_limit:
                raise InvalidInputs([CheckFailure(self.auto_name, _too_long(name, proposed, self.name_limit))])
        for document in self.json_documents & inputs.keys():
            if isinstance(inputs[document], Mapping):
                inputs[document] = json.dumps(inputs[document], separators=(",", ":"))
        failures += [
            CheckFailure(one, f"conflicts with {other}")
            for one, other in self._all_conflicts()
            if one in inputs and other in inputs and one not in filled and other not in filled
        ]
        for rule in self.rules:
            failures += rule(inputs)
        failures += self.validate(inputs)
        if failures:
            raise InvalidInputs(failures)
        return inputs | {DEFAULTED: sorted(filled)}

    def _were_checked(self, olds: Inputs | None, news: Inputs) -> bool:
        """Whether the inputs are those of the last deployment, which the SDK's slow checks have passed already."""
        if not olds:
            return False
        filled = {*olds.get(DEFAULTED, ())} - news.keys()
        names = (olds.keys() | news.keys()) - filled - {DEFAULTED}
        return all(self.same(name, olds.get(name), news.get(name)) for name in names)

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        """Further checks that `rules` cannot express."""
        return iter(())

    def name_suffix(self, inputs: Inputs) -> str:
        """The suffix that AWS requires in a generated name."""
        return ""

    def diff(self, old_inputs: Inputs, news: Inputs) -> Diff:
        """Compare old with new checked inputs."""
        names = {name for name in old_inputs.keys() | news.keys() if not name.startswith("__")}
        changes = frozenset(name for name in names if not self.same(name, old_inputs.get(name), news.get(name)))
        replaces = frozenset(self.replacing(old_inputs, news, changes))
        return Diff(changes, replaces, bool(replaces) and self._deletes_first(news))

    def replacing(self, old: Inputs, news: Inputs, changes: frozenset[str]) -> set[str]:
        """The changes that require a new resource."""
        found = set(changes & (self.replaces | {"region"}))
        return found | {
            name for name in changes & self.presence_replaces if bool(old.get(name)) != bool(news.get(name))
        }

    def recomputed(self, old_inputs: Inputs, news: Inputs) -> frozenset[str]:
        """The outputs that AWS sets in such an update; unknown in a preview."""
        return frozenset()

    def same(self, name: str, old: Any, new: Any) -> bool:
        """Whether two values of an input are equal: JSON documents by content, archives by hash."""
        if archives.is_archive(old) and archives.is_archive(new):
            return archives.digest(old) == archives.digest(new)
        if name in self.json_documents and isinstance(old, str) and isinstance(new, str):
            return bool(_document(old) == _document(new))
        return bool(old == new)

    def _deletes_first(self, news: Inputs) -> bool:
        """The bridge deletes first if the program set the name: two resources cannot have one name (schema.go)."""
        given = self.auto_name in news and self.auto_name not in news.get(DEFAULTED, ())
        return self.always_deletes_first or (self.auto_name is not None and given)

    def _name(self, name: str, olds: Inputs, inputs: Inputs, random: random_module.Random, proposed: str) -> str:
        kept = olds.get(self.auto_name or "")
        if self.auto_name in olds.get(DEFAULTED, ()) and isinstance(kept, str):
            return kept
        return (proposed or random_name(name, random)) + self.name_suffix(inputs)

    def _all_conflicts(self) -> tuple[tuple[str, str], ...]:
        prefix = (f"{self.auto_name}Prefix",) if self.auto_name else ()
        return self.conflicts + tuple((str(self.auto_name), other) for other in prefix)

    def _excluded(self, name: str, inputs: Inputs) -> bool:
        """Whether an input that conflicts with this one is set; then this one gets no default (bridge: schema.go)."""
        return any(
            (one == name and other in inputs) or (other == name and one in inputs)
            for one, other in self._all_conflicts()
        )


def random_name(name: str, random: random_module.Random) -> str:
    """Return a physical name for a logical one, as the provider makes it."""
    return f"{name}-{random.getrandbits(4 * RANDOM):0{RANDOM}x}"


def _too_long(name: str, proposed: str, limit: int) -> str:
    """Say it as Pulumi's SDK does (NewUniqueHex) and the bridge (autonaming.go), which shorten no name."""
    if proposed:
        return f"calculated name '{proposed}' exceeds maximum length of {limit}"
    return f"name '{name}-' plus {RANDOM} random chars is longer than maximum length {limit}"


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
