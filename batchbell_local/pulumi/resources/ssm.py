"""SSM: Parameter."""

from __future__ import annotations

from collections.abc import Iterator

from .api_form import echo, pascal_names, renamed
from .clients import Clients
from .errors import CheckFailure
from .input_rules import matches, one_of
from .property_values import Inputs, Outputs, is_known
from .resource_type import ResourceType
from .tags import retag, tag_list, with_tags

SECURE = "SecureString"
STANDARD_LIMIT = 4_096  # bytes, "Managing parameter tiers"
VALUES = ("value", "insecureValue", "valueWo")


class Parameter(ResourceType):
    """Its id is its name; `value` is always a secret. Provider: ssm/parameter.go."""

    token = "aws:ssm/parameter:Parameter"
    gone = ("ParameterNotFound", "ParameterNotFoundException")
    conflicts = (("value", "insecureValue"), ("value", "valueWo"), ("insecureValue", "valueWo"))
    rules = (
        one_of("type", "String", "StringList", SECURE),
        one_of("tier", "Standard", "Advanced", "Intelligent-Tiering"),
        one_of("dataType", "text", "aws:ec2:image", "aws:ssm:integration"),
        matches("name", r"[a-zA-Z0-9_.\-/]{1,2048}"),
    )
    replaces = frozenset({"name", "dataType"})
    secret_outputs = frozenset({"value"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        if not any(inputs.get(name) is not None for name in VALUES):
            yield CheckFailure("value", "is required unless insecureValue or valueWo is set")
        if inputs.get("insecureValue") is not None and inputs.get("type") == SECURE:
            yield CheckFailure("insecureValue", f"is not for the type {SECURE}")
        name = inputs.get("name")
        if is_known(name) and "/" in str(name) and not str(name).startswith("/"):
            yield CheckFailure("name", "must begin with / where it has a hierarchy")
        for key in ("value", "insecureValue"):
            text = inputs.get(key)
            standard = inputs.get("tier", "Standard") == "Standard"
            if is_known(text) and standard and len(str(text).encode()) > STANDARD_LIMIT:
                yield CheckFailure(key, f"must be at most {STANDARD_LIMIT} bytes in the tier Standard")

    def replacing(self, old: Inputs, news: Inputs, changes: frozenset[str]) -> set[str]:
        found = super().replacing(old, news, changes)
        if old.get("tier") == "Advanced" and news.get("tier", "Standard") == "Standard":
            found.add("tier")
        return found

    def recomputed(self, old_inputs: Inputs, news: Inputs) -> frozenset[str]:
        revised = self.diff(old_inputs, news).changes - {"tags", "overwrite"}
        return frozenset({"version"}) if revised else frozenset()

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        overwrite = bool(inputs.get("overwrite"))
        tags = {} if overwrite else {"Tags": tag_list(inputs)}
        version = self._put(inputs, clients, Overwrite=overwrite, **tags)
        return inputs["name"], self._outputs(version, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        found = clients("ssm").get_parameter(Name=id, WithDecryption=True)["Parameter"]
        inputs = {"name": id, "type": found["Type"], "value": found["Value"], "dataType": found.get("DataType", "text")}
        tags = clients("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=id)["TagList"]
        if tags:
            inputs["tags"] = {tag["Key"]: tag["Value"] for tag in tags}
        return inputs, self._outputs(found["Version"], inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        ssm = clients("ssm")
        if self.diff(old, news).changes - {"tags", "overwrite"}:
            version = self._put(news, clients, Overwrite=True)
        else:
            version = ssm.get_parameter(Name=id)["Parameter"]["Version"]
        retag(
            old, news, ssm.add_tags_to_resource, ssm.remove_tags_from_resource, ResourceType="Parameter", ResourceId=id
        )
        return self._outputs(version, news, clients)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("ssm").delete_parameter(Name=id)

    def _put(self, inputs: Inputs, clients: Clients, **extra: object) -> int:
        names = pascal_names("name type description keyId allowedPattern tier dataType")
        value = next(inputs[name] for name in VALUES if inputs.get(name) is not None)
        return int(clients("ssm").put_parameter(Value=value, **renamed(inputs, names), **extra)["Version"])

    def _outputs(self, version: int, inputs: Inputs, clients: Clients) -> Outputs:
        path = inputs["name"] if inputs["name"].startswith("/") else f"/{inputs['name']}"
        arn = f"arn:aws:ssm:{clients.region}:{clients.account}:parameter{path}"
        value = inputs.get("value", inputs.get("insecureValue"))
        outputs = echo(inputs, arn=arn, version=version, value=value, **with_tags(inputs))
        outputs.pop("valueWo", None)
        return outputs
