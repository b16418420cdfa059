"""CloudWatch Logs: LogGroup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .api_form import echo, physical_name, renamed
from .clients import Clients
from .input_rules import arn, matches, one_of
from .property_values import Inputs, Outputs
from .resource_type import ResourceType
from .tags import retag_by_arn, with_tags

RETENTIONS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
LONG_RETENTIONS = (1_096, 1_827, 2_192, 2_557, 2_922, 3_288, 3_653)


class LogGroup(ResourceType):
    """Its id is its name; creating one that exists is an error. Provider: logs/group.go."""

    token = "aws:cloudwatch/logGroup:LogGroup"
    gone = ("ResourceNotFoundException",)
    defaults: ClassVar[Mapping[str, Any]] = {"retentionInDays": 0, "skipDestroy": False}
    rules = (
        matches("name", r"[0-9A-Za-z_./#-]{1,512}"),
        matches("namePrefix", r"[0-9A-Za-z_./#-]{1,486}"),
        one_of("retentionInDays", *RETENTIONS, *LONG_RETENTIONS),
        one_of("logGroupClass", "STANDARD", "INFREQUENT_ACCESS", "DELIVERY"),
        arn("kmsKeyId"),
    )
    replaces = frozenset({"name", "namePrefix", "logGroupClass"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs, 486)
        given = renamed(inputs, {"kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass", "tags": "tags"})
        clients("logs").create_log_group(logGroupName=name, **given)
        if inputs["retentionInDays"]:
            clients("logs").put_retention_policy(logGroupName=name, retentionInDays=inputs["retentionInDays"])
        return name, self._outputs(name, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        found = clients("logs").describe_log_groups(logGroupNamePrefix=id)["logGroups"]
        group = next((one for one in found if one["logGroupName"] == id), None)
        if group is None:
            return None
        inputs = echo(
            {
                "name": id,
                "retentionInDays": group.get("retentionInDays", 0),
                "logGroupClass": group.get("logGroupClass"),
                "kmsKeyId": group.get("kmsKeyId"),
            }
        )
        return inputs, self._outputs(id, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        logs = clients("logs")
        outputs = self._outputs(id, news, clients)
        if news["retentionInDays"]:
            logs.put_retention_policy(logGroupName=id, retentionInDays=news["retentionInDays"])
        elif old.get("retentionInDays"):
            logs.delete_retention_policy(logGroupName=id)
        if news.get("kmsKeyId") and news["kmsKeyId"] != old.get("kmsKeyId"):
            logs.associate_kms_key(logGroupName=id, kmsKeyId=news["kmsKeyId"])
        elif old.get("kmsKeyId") and not news.get("kmsKeyId"):
            logs.disassociate_kms_key(logGroupName=id)
        retag_by_arn(logs, outputs["arn"], old, news)
        return outputs

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        if old.get("skipDestroy"):
            return
        clients("logs").delete_log_group(logGroupName=id)

    def _outputs(self, name: str, inputs: Inputs, clients: Clients) -> Outputs:
        """Outputs with the ARN, which unlike the API's does not end with ":*"."""
        arn = f"arn:aws:logs:{clients.region}:{clients.account}:log-group:{name}"
        return echo(inputs, name=name, arn=arn, **with_tags(inputs))
