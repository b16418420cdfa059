"""Provisions what the Lambda needs: the queue's name, and the permission to send to it."""

from __future__ import annotations

from typing import Annotated

import pulumi
from pydantic import Field

from batchbell.provisioning import Context, Grants, NotifierSettings, SecretReference, Statement

REQUIRES = ("PyYAML>=6",)


class Settings(NotifierSettings):
    """`queue_name`: in the stack's region and account. `code`: identifies the sender to the pagers."""

    queue_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$", description="a queue's name", examples=["page"])]
    code: Annotated[SecretReference, Field(examples=[{"config": "pagerCode"}])]


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    return Grants(
        settings={"queue_name": settings.queue_name},
        secrets={"code": settings.code},
        statements=[
            Statement(("sqs:GetQueueUrl", "sqs:SendMessage"), (context.arn("sqs", settings.queue_name),)),
        ],
    )
