"""EC2: SecurityGroup with inline rules, SecurityGroupIngressRule, SecurityGroupEgressRule."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .api_form import echo, physical_name, renamed
from .clients import Clients
from .errors import CheckFailure
from .input_rules import find, matches, no_longer_than, satisfies
from .property_values import Inputs, Outputs, is_known
from .resource_type import ResourceType
from .tags import retag_in_ec2, tag_list, with_tags

GONE = ("InvalidGroup.NotFound", "InvalidGroupId.NotFound", "InvalidSecurityGroupRuleId.NotFound")
ALL_PROTOCOLS = "-1"


class SecurityGroup(ResourceType):
    """Its id is sg-…; AWS's default egress rule is removed. Provider: ec2/vpc_security_group.go."""

    token = "aws:ec2/securityGroup:SecurityGroup"
    gone = GONE
    defaults: ClassVar[Mapping[str, Any]] = {"description": "Managed by Pulumi", "revokeRulesOnDelete": False}
    rules = (
        no_longer_than("name", 255),
        satisfies("name", lambda name: not str(name).startswith("sg-"), "a name that does not begin with sg-"),
        matches("description", r"[0-9A-Za-z_ .:/()#,@\[\]+=&;\{\}!$*-]{0,255}"),
    )
    replaces = frozenset({"name", "namePrefix", "description", "vpcId"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        for direction in ("ingress", "egress"):
            for family in ("cidrBlocks", "ipv6CidrBlocks"):
                yield from _network_failures(inputs, f"{direction}[].{family}[]")

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        ec2 = clients("ec2")
        name = physical_name(inputs)
        tags = {"TagSpecifications": [{"ResourceType": "security-group", "Tags": tag_list(inputs)}]}
        id = ec2.create_security_group(
            GroupName=name,
            Description=inputs["description"],
            **renamed(inputs, {"vpcId": "VpcId"}),
            **(tags if inputs.get("tags") else {}),
        )["GroupId"]
        default = _group(id, clients)["IpPermissionsEgress"]
        if default:
            ec2.revoke_security_group_egress(GroupId=id, IpPermissions=_as_input(default))
        self._authorize(id, inputs, clients)
        return id, self._outputs(id, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        group = _group(id, clients)
        inputs = {"name": group["GroupName"], "description": group["Description"], "vpcId": group["VpcId"]}
        for direction, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            if group.get(key):
                inputs[direction] = [_rule(permission) for permission in group[key]]
        return inputs, self._outputs(id, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        group = _group(id, clients)
        ec2 = clients("ec2")
        changes = self.diff(old, news).changes
        if "ingress" in changes and group.get("IpPermissions"):
            ec2.revoke_security_group_ingress(GroupId=id, IpPermissions=_as_input(group["IpPermissions"]))
        if "egress" in changes and group.get("IpPermissionsEgress"):
            ec2.revoke_security_group_egress(GroupId=id, IpPermissions=_as_input(group["IpPermissionsEgress"]))
        self._authorize(id, {name: news.get(name) for name in changes}, clients)
        retag_in_ec2(id, old, news, clients)
        return self._outputs(id, news, clients)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("ec2").delete_security_group(GroupId=id)

    def _authorize(self, id: str, inputs: Inputs, clients: Clients) -> None:
        if inputs.get("ingress"):
            permissions = [_permission(rule, id) for rule in inputs["ingress"]]
            clients("ec2").authorize_security_group_ingress(GroupId=id, IpPermissions=permissions)
        if inputs.get("egress"):
            permissions = [_permission(rule, id) for rule in inputs["egress"]]
            clients("ec2").authorize_security_group_egress(GroupId=id, IpPermissions=permissions)

    def _outputs(self, id: str, inputs: Inputs, clients: Clients) -> Outputs:
        group = _group(id, clients)
        owner = group.get("OwnerId", clients.account)
        return echo(
            inputs,
            name=group["GroupName"],
            vpcId=group.get("VpcId"),
            ownerId=owner,
            arn=f"arn:aws:ec2:{clients.region}:{owner}:security-group/{id}",
            ingress=inputs.get("ingress") or [],
            egress=inputs.get("egress") or [],
            **with_tags(inputs),
        )


class SecurityGroupRule(ResourceType):
    """The base of separate rules; the id is sgr-…. Provider: ec2/vpc_security_group_ingress_rule.go."""

    gone = GONE
    auto_name = None
    direction: ClassVar[str]
    replaces = frozenset({"securityGroupId"})
    rules = (no_longer_than("description", 255),)

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        peers = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
        if sum(inputs.get(peer) is not None for peer in peers) != 1:
            yield CheckFailure(peers[0], f"exactly one of {', '.join(peers)} is required")
        for family in ("cidrIpv4", "cidrIpv6"):
            yield from _network_failures(inputs, family)

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        authorize = getattr(clients("ec2"), f"authorize_security_group_{self.direction}")
        tags = {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": tag_list(inputs)}]}
        made = authorize(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[_separate_permission(inputs)],
            **(tags if inputs.get("tags") else {}),
        )["SecurityGroupRules"][0]
        return made["SecurityGroupRuleId"], self._outputs(made["SecurityGroupRuleId"], inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        for found in clients("ec2").describe_security_group_rules(SecurityGroupRuleIds=[id])["SecurityGroupRules"]:
            names = {"GroupId": "securityGroupId", "IpProtocol": "ipProtocol", "FromPort": "fromPort"}
            names |= {"ToPort": "toPort", "CidrIpv4": "cidrIpv4", "CidrIpv6": "cidrIpv6"}
            inputs = renamed(found, names | {"Description": "description", "PrefixListId": "prefixListId"})
            if found.get("ReferencedGroupInfo"):
                inputs["referencedSecurityGroupId"] = found["ReferencedGroupInfo"]["GroupId"]
            return inputs, self._outputs(id, inputs, clients)
        return None

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        names = {"ipProtocol": "IpProtocol", "cidrIpv4": "CidrIpv4", "cidrIpv6": "CidrIpv6"}
        names |= {"prefixListId": "PrefixListId", "referencedSecurityGroupId": "ReferencedGroupId"}
        names |= {"description": "Description", "fromPort": "FromPort", "toPort": "ToPort"}
        clients("ec2").modify_security_group_rules(
            GroupId=news["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": renamed(news, names)}],
        )
        return self._outputs(id, news, clients)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        revoke = getattr(clients("ec2"), f"revoke_security_group_{self.direction}")
        revoke(GroupId=old["securityGroupId"], SecurityGroupRuleIds=[id])

    def _outputs(self, id: str, inputs: Inputs, clients: Clients) -> Outputs:
        arn = f"arn:aws:ec2:{clients.region}:{clients.account}:security-group-rule/{id}"
        return echo(inputs, securityGroupRuleId=id, arn=arn, **with_tags(inputs))


class SecurityGroupIngressRule(SecurityGroupRule):
    """A rule for what comes in."""

    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    direction = "ingress"


class SecurityGroupEgressRule(SecurityGroupRule):
    """A rule for what goes out."""

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    direction = "egress"


def _group(id: str, clients: Clients) -> dict[str, Any]:
    return dict(clients("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"][0])


def _as_input(permissions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Described permissions without their empty lists, so that AWS accepts them as input."""
    return [{key: value for key, value in one.items() if value not in ([], None)} for one in permissions]


def _permission(rule: Inputs, group: str) -> Outputs:
    described = renamed(rule, {"description": "Description"})
    permission: Outputs = {"IpProtocol": str(rule["protocol"])}
    if str(rule["protocol"]) != ALL_PROTOCOLS:
        permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    groups = list(rule.get("securityGroups") or []) + ([group] if rule.get("self") else [])
    for key, name, values in (
        ("IpRanges", "CidrIp", rule.get("cidrBlocks")),
        ("Ipv6Ranges", "CidrIpv6", rule.get("ipv6CidrBlocks")),
        ("PrefixListIds", "PrefixListId", rule.get("prefixListIds")),
        ("UserIdGroupPairs", "GroupId", groups),
    ):
        if values:
            permission[key] = [{name: value, **described} for value in values]
    return permission


def _separate_permission(inputs: Inputs) -> Outputs:
    described = renamed(inputs, {"description": "Description"})
    permission: Outputs = {"IpProtocol": str(inputs["ipProtocol"])}
    if str(inputs["ipProtocol"]) != ALL_PROTOCOLS:
        permission |= renamed(inputs, {"fromPort": "FromPort", "toPort": "ToPort"})
    for wire, key, name in (
        ("cidrIpv4", "IpRanges", "CidrIp"),
        ("cidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("prefixListId", "PrefixListIds", "PrefixListId"),
        ("referencedSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ):
        if inputs.get(wire):
            permission[key] = [{name: inputs[wire], **described}]
    return permission


def _rule(permission: dict[str, Any]) -> Outputs:
    rule: Outputs = {
        "protocol": permission["IpProtocol"],
        "fromPort": permission.get("FromPort", 0),
        "toPort": permission.get("ToPort", 0),
    }
    if permission.get("IpRanges"):
        rule["cidrBlocks"] = [one["CidrIp"] for one in permission["IpRanges"]]
    if permission.get("UserIdGroupPairs"):
        rule["securityGroups"] = [one["GroupId"] for one in permission["UserIdGroupPairs"]]
    return rule


def _network_failures(inputs: Inputs, path: str) -> Iterator[CheckFailure]:
    """A CIDR must be the network's address: 10.0.0.0/8, not 10.0.0.1/8."""
    for where, value in find(inputs, path):
        try:
            ipaddress.ip_network(str(value) if is_known(value) else "0.0.0.0/0")
        except ValueError as error:
            yield CheckFailure(where, f"must be a network: {error}")
