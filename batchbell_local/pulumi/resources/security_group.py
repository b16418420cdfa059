"""EC2: SecurityGroup with inline rules, SecurityGroupIngressRule, SecurityGroupEgressRule."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from .api_form import echo, pascal_names, physical_name, renamed
from .clients import Clients
from .errors import CheckFailure
from .input_rules import find, matches, no_longer_than, satisfies
from .property_values import Inputs, Outputs, is_known
from .resource_type import ResourceType
from .tags import retag_in_ec2, tag_list, with_tags

GONE = ("InvalidGroup.NotFound", "InvalidGroupId.NotFound", "InvalidSecurityGroupRuleId.NotFound")
ALL_PROTOCOLS = "-1"
DIRECTIONS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}
PEERS = {"IpRanges": "CidrIp", "Ipv6Ranges": "CidrIpv6", "PrefixListIds": "PrefixListId", "UserIdGroupPairs": "GroupId"}
PEER_INPUTS = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")  # of a separate rule, as in PEERS


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
        for direction in DIRECTIONS:
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
        for direction, key in DIRECTIONS.items():
            if group.get(key):
                inputs[direction] = [_rule(permission) for permission in group[key]]
        return inputs, self._outputs(id, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        group = _group(id, clients)
        changes = self.diff(old, news).changes
        for direction, key in DIRECTIONS.items():
            if direction in changes and group.get(key):
                revoke = getattr(clients("ec2"), f"revoke_security_group_{direction}")
                revoke(GroupId=id, IpPermissions=_as_input(group[key]))
        self._authorize(id, {name: news.get(name) for name in changes}, clients)
        retag_in_ec2(id, old, news, clients)
        return self._outputs(id, news, clients)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("ec2").delete_security_group(GroupId=id)

    def _authorize(self, id: str, inputs: Inputs, clients: Clients) -> None:
        for direction in DIRECTIONS:
            if inputs.get(direction):
                authorize = getattr(clients("ec2"), f"authorize_security_group_{direction}")
                authorize(GroupId=id, IpPermissions=[_inline_permission(rule, id) for rule in inputs[direction]])

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
        if sum(inputs.get(peer) is not None for peer in PEER_INPUTS) != 1:
            yield CheckFailure(PEER_INPUTS[0], f"exactly one of {', '.join(PEER_INPUTS)} is required")
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
        names = "ipProtocol cidrIpv4 cidrIpv6 prefixListId description fromPort toPort"
        rule = renamed(news, pascal_names(names, referencedSecurityGroupId="ReferencedGroupId"))
        clients("ec2").modify_security_group_rules(
            GroupId=news["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": rule}],
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


def _inline_permission(rule: Inputs, group: str) -> Outputs:
    groups = [*(rule.get("securityGroups") or ()), *([group] if rule.get("self") else ())]
    others = [rule.get(name) for name in ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds")]
    return _permission(str(rule["protocol"]), rule, [*others, groups])


def _separate_permission(inputs: Inputs) -> Outputs:
    peers = [[inputs[name]] if inputs.get(name) else None for name in PEER_INPUTS]
    return _permission(str(inputs["ipProtocol"]), inputs, peers)


def _permission(protocol: str, rule: Inputs, peers: Iterable[list[str] | None]) -> Outputs:
    """A rule in the form of the API; `peers` has the values of each of PEERS."""
    described = renamed(rule, {"description": "Description"})
    ports = {} if protocol == ALL_PROTOCOLS else renamed(rule, {"fromPort": "FromPort", "toPort": "ToPort"})
    permission: Outputs = {"IpProtocol": protocol, **ports}
    for (key, name), values in zip(PEERS.items(), peers, strict=True):
        if values:
            permission[key] = [{name: value, **described} for value in values]
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
