"""EC2: LaunchTemplate. A change of its data creates a new version; the id stays."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from .api_form import echo, pascal, pascal_names, physical_name, renamed
from .clients import Clients
from .errors import CheckFailure, suppress_gone
from .input_rules import matches, no_longer_than, one_of, satisfies
from .property_values import Inputs, Outputs
from .resource_type import ResourceType
from .tags import retag_in_ec2, tag_list, with_tags

GONE = ("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.NotFoundException")
DATA = pascal_names(
    "disableApiStop disableApiTermination imageId instanceInitiatedShutdownBehavior instanceType kernelId "
    "keyName ramDiskId userData",
    vpcSecurityGroupIds="SecurityGroupIds",
    securityGroupNames="SecurityGroups",
)
BLOCKS = pascal_names(
    "cpuOptions creditSpecification enclaveOptions hibernationOptions iamInstanceProfile maintenanceOptions "
    "metadataOptions monitoring placement privateDnsNameOptions"
)
TEXT_BOOLEANS = {"deleteOnTermination", "encrypted", "associatePublicIpAddress", "associateCarrierIpAddress"}
NOT_SUPPORTED = (
    "capacityReservationSpecification",
    "instanceMarketOptions",
    "instanceRequirements",
    "licenseSpecifications",
    "networkPerformanceOptions",
    "secondaryInterfaces",
)
NOT_DATA = {"tags", "defaultVersion", "updateDefaultVersion"}


class LaunchTemplate(ResourceType):
    """Its id is lt-…. Provider: ec2/ec2_launch_template.go."""

    token = "aws:ec2/launchTemplate:LaunchTemplate"
    gone = GONE
    conflicts = (
        ("vpcSecurityGroupIds", "securityGroupNames"),
        ("defaultVersion", "updateDefaultVersion"),
        ("instanceType", "instanceRequirements"),
    )
    rules = (
        matches("name", r"[a-zA-Z0-9().\-/_]{3,125}"),
        matches("namePrefix", r"[a-zA-Z0-9().\-/_]{1,99}"),
        no_longer_than("description", 255),
        satisfies("userData", lambda text: _is_base64(text), "base64"),
        one_of("metadataOptions.httpTokens", "optional", "required"),
        one_of("metadataOptions.httpEndpoint", "disabled", "enabled"),
        one_of("ebsOptimized", "true", "false", ""),
        one_of("blockDeviceMappings[].ebs.encrypted", "true", "false", ""),
        one_of("blockDeviceMappings[].ebs.deleteOnTermination", "true", "false", ""),
    )
    replaces = frozenset({"name", "namePrefix"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        for name in NOT_SUPPORTED:
            if name in inputs and name != "instanceRequirements":
                yield CheckFailure(name, "is not supported by local AWS")

    def recomputed(self, old_inputs: Inputs, news: Inputs) -> frozenset[str]:
        revised = self.diff(old_inputs, news).changes - NOT_DATA
        return frozenset({"latestVersion"}) if revised else frozenset()

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        tags = {"TagSpecifications": [{"ResourceType": "launch-template", "Tags": tag_list(inputs)}]}
        template = clients("ec2").create_launch_template(
            LaunchTemplateName=physical_name(inputs),
            LaunchTemplateData=_data(inputs),
            **renamed(inputs, {"description": "VersionDescription"}),
            **(tags if inputs.get("tags") else {}),
        )["LaunchTemplate"]
        return template["LaunchTemplateId"], self._outputs(template, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        template = self._describe(id, clients)
        if template is None:
            return None
        version = clients("ec2").describe_launch_template_versions(LaunchTemplateId=id, Versions=["$Latest"])
        data = version["LaunchTemplateVersions"][0].get("LaunchTemplateData", {})
        inputs = {"name": template["LaunchTemplateName"]} | renamed(data, {api: wire for wire, api in DATA.items()})
        if data.get("MetadataOptions"):
            options = data["MetadataOptions"].items()
            inputs["metadataOptions"] = {key[0].lower() + key[1:]: value for key, value in options if key != "State"}
        return inputs, self._outputs(template, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        ec2 = clients("ec2")
        if self.diff(old, news).changes - NOT_DATA:
            made = ec2.create_launch_template_version(
                LaunchTemplateId=id,
                LaunchTemplateData=_data(news),
                **renamed(news, {"description": "VersionDescription"}),
            )["LaunchTemplateVersion"]
            if news.get("updateDefaultVersion"):
                ec2.modify_launch_template(LaunchTemplateId=id, DefaultVersion=str(made["VersionNumber"]))
        if news.get("defaultVersion") and news.get("defaultVersion") != old.get("defaultVersion"):
            ec2.modify_launch_template(LaunchTemplateId=id, DefaultVersion=str(news["defaultVersion"]))
        retag_in_ec2(id, old, news, clients)
        return self._outputs(self._describe(id, clients) or {}, news, clients)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("ec2").delete_launch_template(LaunchTemplateId=id)

    def _describe(self, id: str, clients: Clients) -> dict[str, Any] | None:
        with suppress_gone(*GONE):
            found = clients("ec2").describe_launch_templates(LaunchTemplateIds=[id])["LaunchTemplates"]
            return dict(found[0]) if found else None
        return None

    def _outputs(self, template: dict[str, Any], inputs: Inputs, clients: Clients) -> Outputs:
        id = template["LaunchTemplateId"]
        return echo(
            inputs,
            name=template["LaunchTemplateName"],
            arn=f"arn:aws:ec2:{clients.region}:{clients.account}:launch-template/{id}",
            latestVersion=template["LatestVersionNumber"],
            defaultVersion=template["DefaultVersionNumber"],
            **with_tags(inputs),
        )


def _data(inputs: Inputs) -> Outputs:
    data = renamed(inputs, DATA) | renamed(inputs, BLOCKS, pascal)
    if inputs.get("ebsOptimized"):
        data["EbsOptimized"] = inputs["ebsOptimized"] == "true"
    if inputs.get("blockDeviceMappings"):
        data["BlockDeviceMappings"] = [pascal(_booleans(one)) for one in inputs["blockDeviceMappings"]]
    if inputs.get("networkInterfaces"):
        data["NetworkInterfaces"] = [_interface(one) for one in inputs["networkInterfaces"]]
    if inputs.get("tagSpecifications"):
        data["TagSpecifications"] = [
            {"ResourceType": one.get("resourceType"), "Tags": tag_list(one)} for one in inputs["tagSpecifications"]
        ]
    return data


def _booleans(value: Any) -> Any:
    """Convert the booleans that the provider declares as text, so that they can be omitted."""
    if isinstance(value, dict):
        return {
            key: item == "true" if key in TEXT_BOOLEANS and isinstance(item, str) else _booleans(item)
            for key, item in value.items()
        }
    return value


def _interface(interface: Inputs) -> Outputs:
    rest = {key: value for key, value in _booleans(interface).items() if key != "securityGroups"}
    groups = interface.get("securityGroups")
    return dict(pascal(rest)) | ({"Groups": groups} if groups else {})


def _is_base64(text: Any) -> bool:
    try:
        base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
