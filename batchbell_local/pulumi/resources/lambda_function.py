"""Lambda: Function, Permission."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from . import archives
from .api_form import camel, echo, pascal, pascal_names, physical_name, renamed
from .clients import Clients
from .errors import AwsRefusal, CheckFailure, suppress_gone
from .input_rules import arn, between, matches, no_more_than, one_of
from .property_values import Inputs, Outputs
from .resource_type import ResourceType
from .tags import retag, with_tags
from .waiting import wait

GONE = ("ResourceNotFoundException",)
CODE = ("code", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "architectures")
CONFIGURATION = pascal_names("role handler runtime description timeout memorySize layers", kmsKeyArn="KMSKeyArn")
BLOCKS = pascal_names("environment vpcConfig deadLetterConfig tracingConfig ephemeralStorage loggingConfig snapStart")
PERMISSION = pascal_names(
    "action principal sourceArn sourceAccount qualifier eventSourceToken functionUrlAuthType",
    function="FunctionName",
    principalOrgId="PrincipalOrgID",
)


class Function(ResourceType):
    """Its id is its name. Provider: lambda/function.go."""

    token = "aws:lambda/function:Function"
    gone = GONE
    name_limit = 64
    defaults: ClassVar[Mapping[str, Any]] = {
        "memorySize": 128,
        "timeout": 3,
        "packageType": "Zip",
        "publish": False,
        "skipDestroy": False,
    }
    conflicts = (("code", "s3Bucket"), ("code", "imageUri"), ("s3Bucket", "imageUri"))
    rules = (
        matches("name", r"[a-zA-Z0-9-_]{1,64}"),
        arn("role"),
        arn("layers[]"),
        arn("kmsKeyArn"),
        between("memorySize", 128, 10_240),
        between("timeout", 1, 900),
        between("ephemeralStorage.size", 512, 10_240),
        no_more_than("layers", 5),
        no_more_than("architectures", 1),
        one_of("architectures[]", "x86_64", "arm64"),
        one_of("packageType", "Zip", "Image"),
        one_of("tracingConfig.mode", "Active", "PassThrough"),
        one_of("loggingConfig.logFormat", "JSON", "Text"),
    )
    replaces = frozenset({"name", "packageType"})
    presence_replaces = frozenset({"tenancyConfig", "durableConfig"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        if inputs.get("packageType") == "Zip":
            for name in ("handler", "runtime"):
                if inputs.get(name) is None:
                    yield CheckFailure(name, "is required for a function of package type Zip")
        elif inputs.get("imageUri") is None:
            yield CheckFailure("imageUri", "is required for a function of package type Image")
        if inputs.get("s3Bucket") is not None and inputs.get("s3Key") is None:
            yield CheckFailure("s3Key", "is required with s3Bucket")

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs)
        clients("lambda").create_function(
            FunctionName=name,
            Code=_code(inputs),
            PackageType=inputs["packageType"],
            Publish=bool(inputs.get("publish")),
            Tags=inputs.get("tags") or {},
            **_configuration(inputs),
            **renamed(inputs, {"architectures": "Architectures"}),
        )
        self._settle(name, clients)
        self._reserve(name, {}, inputs, clients)
        return name, self._outputs(name, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        found = clients("lambda").get_function(FunctionName=id)
        settings = found["Configuration"]
        inputs: Outputs = {"name": id}
        inputs |= renamed(settings, {api: wire for wire, api in CONFIGURATION.items()})
        inputs |= renamed(settings, {"PackageType": "packageType", "Architectures": "architectures"})
        inputs.pop("layers", None)
        if settings.get("Environment", {}).get("Variables"):
            inputs["environment"] = {"variables": settings["Environment"]["Variables"]}
        if settings.get("LoggingConfig"):
            inputs["loggingConfig"] = camel(settings["LoggingConfig"])
        if found.get("Tags"):
            inputs["tags"] = found["Tags"]
        inputs = {name: value for name, value in inputs.items() if value != ""}
        return inputs, self._outputs(id, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        changes = self.diff(old, news).changes
        lambda_ = clients("lambda")
        if changes & (CONFIGURATION.keys() | BLOCKS.keys()):
            lambda_.update_function_configuration(FunctionName=id, **_configuration(news, emptied=old))
            self._settle(id, clients)
        if changes & set(CODE):
            request = _code(news) | renamed(news, {"architectures": "Architectures"})
            lambda_.update_function_code(FunctionName=id, Publish=bool(news.get("publish")), **request)
            self._settle(id, clients)
        self._reserve(id, old, news, clients)
        outputs = self._outputs(id, news, clients)
        retag(old, news, lambda_.tag_resource, lambda_.untag_resource, as_map=True, Resource=outputs["arn"])
        return outputs

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        if old.get("skipDestroy"):
            return
        clients("lambda").delete_function(FunctionName=id)

    def _settle(self, name: str, clients: Clients) -> None:
        """Wait until the function is Active and its last update has finished."""

        def is_done() -> bool:
            found = clients("lambda").get_function_configuration(FunctionName=name)
            if "Failed" in (found.get("State"), found.get("LastUpdateStatus")):
                raise AwsRefusal(
                    f"function {name} failed: {found.get('StateReason') or found['LastUpdateStatusReason']}"
                )
            return bool(found.get("State", "Active") == "Active" and found.get("LastUpdateStatus") != "InProgress")

        wait(is_done, f"function {name} is not Active")

    def _reserve(self, name: str, old: Inputs, news: Inputs, clients: Clients) -> None:
        """Set the reserved concurrency; -1, the provider's default, means none."""
        before, after = (one.get("reservedConcurrentExecutions", -1) for one in (old, news))
        if after >= 0 and after != before:
            clients("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=after)
        elif after < 0 <= before:
            clients("lambda").delete_function_concurrency(FunctionName=name)

    def _outputs(self, name: str, inputs: Inputs, clients: Clients) -> Outputs:
        settings = clients("lambda").get_function_configuration(FunctionName=name)
        arn, version = settings["FunctionArn"], settings.get("Version", "$LATEST")
        invoke = f"arn:aws:apigateway:{clients.region}:lambda:path/2015-03-31/functions/{{}}/invocations"
        return echo(
            inputs,
            name=name,
            arn=arn,
            version=version,
            qualifiedArn=f"{arn}:{version}",
            invokeArn=invoke.format(arn),
            qualifiedInvokeArn=invoke.format(f"{arn}:{version}"),
            lastModified=settings.get("LastModified"),
            codeSha256=settings.get("CodeSha256"),
            sourceCodeSize=settings.get("CodeSize"),
            architectures=settings.get("Architectures"),
            **with_tags(inputs),
        )


class Permission(ResourceType):
    """A statement of a function's policy; its id is the statement's. Provider: lambda/permission.go."""

    token = "aws:lambda/permission:Permission"
    gone = GONE
    auto_name = "statementId"
    name_limit = 100
    rules = (arn("sourceArn"), matches("sourceAccount", r"\d{12}"), matches("statementId", r"[a-zA-Z0-9-_]{1,100}"))
    replaces = frozenset({*PERMISSION, "invokedViaFunctionUrl", "statementId", "statementIdPrefix"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        statement = str(
            physical_name({"name": inputs.get("statementId"), "namePrefix": inputs.get("statementIdPrefix")})
        )
        clients("lambda").add_permission(StatementId=statement, **renamed(inputs, PERMISSION))
        return statement, echo(inputs, statementId=statement)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        """Search the functions, since the id does not name one."""
        for page in clients("lambda").get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                statement = _statement(function["FunctionName"], id, clients)
                if statement is not None:
                    inputs = {
                        "statementId": id,
                        "function": function["FunctionName"],
                        "action": statement["Action"],
                        "principal": _principal(statement["Principal"]),
                        "sourceArn": statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn"),
                    }
                    return echo(inputs), echo(inputs)
        return None

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        return echo(news, statementId=id)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("lambda").remove_permission(FunctionName=old["function"], StatementId=id)


def _code(inputs: Inputs) -> Outputs:
    if inputs.get("code") is not None:
        return {"ZipFile": archives.zip_bytes(inputs["code"])}
    names = {"s3Bucket": "S3Bucket", "s3Key": "S3Key", "s3ObjectVersion": "S3ObjectVersion", "imageUri": "ImageUri"}
    return renamed(inputs, names)


def _configuration(inputs: Inputs, emptied: Inputs | None = None) -> Outputs:
    """The function's settings for the API; those that only `emptied` has are sent empty."""
    request = renamed(inputs, CONFIGURATION)
    for block, api in BLOCKS.items():
        if inputs.get(block) is not None and block != "environment":
            request[api] = pascal(inputs[block])
    if inputs.get("environment") is not None:
        request["Environment"] = {"Variables": inputs["environment"].get("variables") or {}}
    for name, api, empty in (
        ("description", "Description", ""),
        ("layers", "Layers", []),
        ("environment", "Environment", {"Variables": {}}),
        ("deadLetterConfig", "DeadLetterConfig", {}),
        ("vpcConfig", "VpcConfig", {"SubnetIds": [], "SecurityGroupIds": []}),
        ("tracingConfig", "TracingConfig", {"Mode": "PassThrough"}),
    ):
        if emptied and emptied.get(name) and not inputs.get(name):
            request[api] = empty
    return request


def _statement(function: str, id: str, clients: Clients) -> dict[str, Any] | None:
    with suppress_gone(*GONE):
        policy = json.loads(clients("lambda").get_policy(FunctionName=function)["Policy"])
        return next((dict(one) for one in policy["Statement"] if one.get("Sid") == id), None)
    return None


def _principal(principal: Any) -> str:
    return str(next(iter(principal.values()))) if isinstance(principal, dict) else str(principal)
