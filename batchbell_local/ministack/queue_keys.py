"""Whether an AWS service may use the KMS key of an encrypted queue.

The key's own policy must allow it, since a service has no role; the keys that AWS manages allow none. (SQS Developer
Guide, "Key management": "Enable compatibility between event sources from AWS services and encrypted queues".)
"""

from __future__ import annotations

from collections.abc import Mapping

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import kms

TO_SEND = ("kms:GenerateDataKey", "kms:Decrypt")


def may_send_under_key(queue: Mapping[str, Mapping[str, str]], service: str, source_arn: str) -> bool:
    """Whether `service`, on behalf of `source_arn`, may send to the queue as far as its key is concerned."""
    key_id = queue["attributes"].get("KmsMasterKeyId")
    if not key_id:
        return True
    key = kms._resolve_key(key_id)
    return key is not None and all(
        _allows(key["Policy"], key["Arn"], action, service, source_arn) for action in TO_SEND
    )


def _allows(policy: str, key_arn: str, action: str, service: str, source_arn: str) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=key_arn,
        region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": source_arn.split(":")[4]},
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow")
