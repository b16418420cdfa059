"""IAM: Role, RolePolicy, RolePolicyAttachment, InstanceProfile, Policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

from .api_form import echo, physical_name, renamed
from .clients import Clients
from .input_rules import arn, between, json_text, matches, no_longer_than
from .property_values import Inputs, Outputs
from .resource_type import ResourceType
from .tags import retag, tag_list, with_tags

GONE = ("NoSuchEntity",)
NAME = r"[\w+=,.@-]"
MAX_VERSIONS = 5  # IAM quota: versions of a managed policy


class Role(ResourceType):
    """Its id is its name. Provider: iam/role.go."""

    token = "aws:iam/role:Role"
    gone = GONE
    name_limit = 64
    defaults: ClassVar[Mapping[str, Any]] = {"path": "/", "maxSessionDuration": 3_600, "forceDetachPolicies": False}
    rules = (
        json_text("assumeRolePolicy"),
        matches("name", NAME + "{1,64}"),
        matches("namePrefix", NAME + "{1,38}"),
        no_longer_than("description", 1_000),
        between("maxSessionDuration", 3_600, 43_200),
        arn("permissionsBoundary"),
        arn("managedPolicyArns[]"),
        json_text("inlinePolicies[].policy"),
    )
    replaces = frozenset({"name", "namePrefix", "path"})
    json_documents = frozenset({"assumeRolePolicy"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs)
        given = {"description": "Description", "permissionsBoundary": "PermissionsBoundary"}
        role = clients("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Path=inputs["path"],
            MaxSessionDuration=inputs["maxSessionDuration"],
            Tags=tag_list(inputs),
            **renamed(inputs, given),
        )["Role"]
        self._put_policies(name, {}, inputs, clients)
        return name, self._outputs(role, inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        role = clients("iam").get_role(RoleName=id)["Role"]
        inputs = {
            "name": id,
            "path": role["Path"],
            "assumeRolePolicy": _policy_text(role["AssumeRolePolicyDocument"]),
            "maxSessionDuration": role.get("MaxSessionDuration", 3_600),
            "description": role.get("Description") or None,
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])} or None,
        }
        return echo(inputs), self._outputs(role, inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        iam = clients("iam")
        iam.update_assume_role_policy(RoleName=id, PolicyDocument=news["assumeRolePolicy"])
        iam.update_role(
            RoleName=id, Description=news.get("description", ""), MaxSessionDuration=news["maxSessionDuration"]
        )
        if news.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=id, PermissionsBoundary=news["permissionsBoundary"])
        elif old.get("permissionsBoundary"):
            iam.delete_role_permissions_boundary(RoleName=id)
        self._put_policies(id, old, news, clients)
        retag(old, news, iam.tag_role, iam.untag_role, RoleName=id)
        return self._outputs(iam.get_role(RoleName=id)["Role"], news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        iam = clients("iam")
        for profile in iam.list_instance_profiles_for_role(RoleName=id)["InstanceProfiles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=id)
        self._put_policies(id, old, {}, clients)
        if old.get("forceDetachPolicies"):
            for attached in iam.list_attached_role_policies(RoleName=id)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=id, PolicyArn=attached["PolicyArn"])
            for policy in iam.list_role_policies(RoleName=id)["PolicyNames"]:
                iam.delete_role_policy(RoleName=id, PolicyName=policy)
        iam.delete_role(RoleName=id)

    def _put_policies(self, name: str, old: Inputs, news: Inputs, clients: Clients) -> None:
        """Update the deprecated inlinePolicies and managedPolicyArns of a role."""
        iam = clients("iam")
        before = {one["name"] for one in old.get("inlinePolicies") or [] if one.get("name")}
        after = {one["name"]: one["policy"] for one in news.get("inlinePolicies") or [] if one.get("policy")}
        for policy in before - after.keys():
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy, document in after.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
        attached, wanted = set(old.get("managedPolicyArns") or []), set(news.get("managedPolicyArns") or [])
        for policy in attached - wanted:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy)
        for policy in wanted - attached:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy)

    def _outputs(self, role: dict[str, Any], inputs: Inputs) -> Outputs:
        return echo(
            inputs,
            name=role["RoleName"],
            arn=role["Arn"],
            uniqueId=role["RoleId"],
            createDate=_date(role),
            **with_tags(inputs),
        )


class RolePolicy(ResourceType):
    """An inline policy; its id is "role:policy". Provider: iam/role_policy.go."""

    token = "aws:iam/rolePolicy:RolePolicy"
    gone = GONE
    name_limit = 128
    rules = (json_text("policy"), no_longer_than("policy", 10_240), matches("name", NAME + "{1,128}"))
    replaces = frozenset({"name", "namePrefix", "role"})
    json_documents = frozenset({"policy"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs)
        self._put(inputs["role"], name, inputs["policy"], clients)
        return f"{inputs['role']}:{name}", echo(inputs, name=name)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        role, name = id.split(":", 1)
        found = clients("iam").get_role_policy(RoleName=role, PolicyName=name)
        inputs = {"role": role, "name": name, "policy": _policy_text(found["PolicyDocument"])}
        return inputs, echo(inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        role, name = id.split(":", 1)
        self._put(role, name, news["policy"], clients)
        return echo(news, name=name)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        role, name = id.split(":", 1)
        clients("iam").delete_role_policy(RoleName=role, PolicyName=name)

    def _put(self, role: str, name: str, policy: str, clients: Clients) -> None:
        clients("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)


class RolePolicyAttachment(ResourceType):
    """Its id is "role/policyArn". Provider: iam/role_policy_attachment.go; the bridge always deletes first."""

    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    gone = GONE
    auto_name = None
    rules = (arn("policyArn"),)
    replaces = frozenset({"role", "policyArn"})
    always_deletes_first = True

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        clients("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}", echo(inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        role, policy = id.split("/", 1)
        attached = clients("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        if any(one["PolicyArn"] == policy for one in attached):
            return {"role": role, "policyArn": policy}, {"role": role, "policyArn": policy}
        return None

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        return echo(news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        role, policy = id.split("/", 1)
        clients("iam").detach_role_policy(RoleName=role, PolicyArn=policy)


class InstanceProfile(ResourceType):
    """Its id is its name. Provider: iam/instance_profile.go."""

    token = "aws:iam/instanceProfile:InstanceProfile"
    gone = GONE
    defaults: ClassVar[Mapping[str, Any]] = {"path": "/"}
    rules = (matches("name", NAME + "{1,128}"), matches("namePrefix", NAME + "{1,102}"))
    replaces = frozenset({"name", "namePrefix", "path"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs)
        profile = clients("iam").create_instance_profile(
            InstanceProfileName=name, Path=inputs["path"], Tags=tag_list(inputs)
        )["InstanceProfile"]
        if inputs.get("role"):
            clients("iam").add_role_to_instance_profile(InstanceProfileName=name, RoleName=inputs["role"])
        return name, self._outputs(profile, inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        profile = clients("iam").get_instance_profile(InstanceProfileName=id)["InstanceProfile"]
        inputs = {
            "name": id,
            "path": profile["Path"],
            "role": next((role["RoleName"] for role in profile["Roles"]), None),
            "tags": {tag["Key"]: tag["Value"] for tag in profile.get("Tags", [])} or None,
        }
        return echo(inputs), self._outputs(profile, inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        iam = clients("iam")
        if old.get("role") != news.get("role"):
            if old.get("role"):
                iam.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=old["role"])
            if news.get("role"):
                iam.add_role_to_instance_profile(InstanceProfileName=id, RoleName=news["role"])
        retag(old, news, iam.tag_instance_profile, iam.untag_instance_profile, InstanceProfileName=id)
        return self._outputs(iam.get_instance_profile(InstanceProfileName=id)["InstanceProfile"], news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        iam = clients("iam")
        for role in iam.get_instance_profile(InstanceProfileName=id)["InstanceProfile"]["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=id)

    def _outputs(self, profile: dict[str, Any], inputs: Inputs) -> Outputs:
        return echo(
            inputs,
            name=profile["InstanceProfileName"],
            arn=profile["Arn"],
            uniqueId=profile["InstanceProfileId"],
            createDate=_date(profile),
            **with_tags(inputs),
        )


class Policy(ResourceType):
    """A managed policy; its id is its ARN. Provider: iam/policy.go."""

    token = "aws:iam/policy:Policy"
    gone = GONE
    defaults: ClassVar[Mapping[str, Any]] = {"path": "/"}
    rules = (json_text("policy"), matches("name", NAME + "{1,128}"), matches("namePrefix", NAME + "{1,102}"))
    replaces = frozenset({"name", "namePrefix", "path", "description"})
    json_documents = frozenset({"policy"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        policy = clients("iam").create_policy(
            PolicyName=physical_name(inputs),
            Path=inputs["path"],
            PolicyDocument=inputs["policy"],
            Tags=tag_list(inputs),
            **renamed(inputs, {"description": "Description"}),
        )["Policy"]
        return policy["Arn"], self._outputs(policy, inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        policy = clients("iam").get_policy(PolicyArn=id)["Policy"]
        version = clients("iam").get_policy_version(PolicyArn=id, VersionId=policy["DefaultVersionId"])
        inputs = {
            "name": policy["PolicyName"],
            "path": policy["Path"],
            "policy": _policy_text(version["PolicyVersion"]["Document"]),
            "description": policy.get("Description") or None,
        }
        return echo(inputs), self._outputs(policy, inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        iam = clients("iam")
        if not self.same("policy", old.get("policy"), news["policy"]):
            others = [one for one in iam.list_policy_versions(PolicyArn=id)["Versions"] if not one["IsDefaultVersion"]]
            if len(others) + 1 >= MAX_VERSIONS:
                oldest = min(others, key=lambda one: int(one["VersionId"].removeprefix("v")))
                iam.delete_policy_version(PolicyArn=id, VersionId=oldest["VersionId"])
            iam.create_policy_version(PolicyArn=id, PolicyDocument=news["policy"], SetAsDefault=True)
        retag(old, news, iam.tag_policy, iam.untag_policy, PolicyArn=id)
        return self._outputs(iam.get_policy(PolicyArn=id)["Policy"], news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        iam = clients("iam")
        for version in iam.list_policy_versions(PolicyArn=id)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=id, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=id)

    def _outputs(self, policy: dict[str, Any], inputs: Inputs) -> Outputs:
        return echo(
            inputs,
            name=policy["PolicyName"],
            arn=policy["Arn"],
            policyId=policy["PolicyId"],
            attachmentCount=policy.get("AttachmentCount", 0),
            **with_tags(inputs),
        )


def _policy_text(document: Any) -> str:
    """A policy document as JSON text. botocore decodes it to a dict, but leaves it URL-quoted if it is not JSON."""
    return unquote(document) if isinstance(document, str) else json.dumps(document, separators=(",", ":"))


def _date(thing: dict[str, Any]) -> str | None:
    created = thing.get("CreateDate")
    return created.strftime("%Y-%m-%dT%H:%M:%SZ") if created else None
