"""The tags of resources. AWS's services take them as a list or as a map, each by methods of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .clients import Clients
from .property_values import Inputs, Outputs


def with_tags(inputs: Inputs) -> Outputs:
    """`tagsAll`, which equals the tags, since there are no provider-wide default tags here."""
    return {"tagsAll": dict(inputs.get("tags") or {})}


def tag_list(inputs: Inputs, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """`tags` in the list form that half of AWS's services require."""
    return [{key: name, value: text} for name, text in sorted((inputs.get("tags") or {}).items())]


def retag(
    old: Inputs, news: Inputs, tag: Callable[..., Any], untag: Callable[..., Any], as_map: bool = False, **resource: Any
) -> None:
    """Change a resource's tags from those of its old inputs to those of the new.

    tag: a client's method that takes `Tags`, as a list or as a map
    untag: a client's method that takes `TagKeys`
    resource: the arguments of both that name the resource
    """
    if news.get("tags"):
        tag(**resource, Tags=news["tags"] if as_map else tag_list(news))
    if removed := removed_tags(old, news):
        untag(**resource, TagKeys=removed)


def retag_in_ec2(id: str, old: Inputs, news: Inputs, clients: Clients) -> None:
    """Change the tags of a resource of EC2, which takes removed tags as a list of objects."""
    if news.get("tags"):
        clients("ec2").create_tags(Resources=[id], Tags=tag_list(news))
    if removed := removed_tags(old, news):
        clients("ec2").delete_tags(Resources=[id], Tags=[{"Key": key} for key in removed])


def retag_by_arn(client: Any, arn: str, old: Inputs, news: Inputs) -> None:
    """Change the tags of a resource of Batch or CloudWatch Logs, which take camelCase arguments."""
    if (old.get("tags") or {}) == (news.get("tags") or {}):
        return
    if news.get("tags"):
        client.tag_resource(resourceArn=arn, tags=news["tags"])
    if removed := removed_tags(old, news):
        client.untag_resource(resourceArn=arn, tagKeys=removed)


def removed_tags(old: Inputs, news: Inputs) -> list[str]:
    """The tag keys that the new inputs no longer have."""
    return sorted((old.get("tags") or {}).keys() - (news.get("tags") or {}).keys())
