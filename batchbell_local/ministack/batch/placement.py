"""Invents the place where an attempt runs, with ARNs like those of Batch's tasks and instances."""

from __future__ import annotations

import uuid

from .job_logs import stream_name
from .jobs import JobSpec, Placement
from .operation import Json


def make_placement(spec: JobSpec, environment: Json) -> Placement:
    """Invent a task in this compute environment: on its one instance on EC2, with a network interface on Fargate."""
    task_id = uuid.uuid4().hex
    cluster = environment["ecsClusterArn"].rsplit("/", 1)[-1]
    prefix = f"arn:aws:ecs:{spec.region}:{spec.account}"
    instance: str | None = None
    interfaces: tuple[Json, ...] = ()
    if spec.platform == "FARGATE":
        interfaces = (_network_interface(task_id),)
    else:
        instance = f"{prefix}:container-instance/{cluster}/{uuid.UUID(environment['uuid']).hex}"
    return Placement(
        environment_name=environment["computeEnvironmentName"],
        task_arn=f"{prefix}:task/{cluster}/{task_id}",
        container_instance_arn=instance,
        network_interfaces=interfaces,
        log_stream=stream_name(spec, task_id),
    )


def _network_interface(task_id: str) -> Json:
    host = int(task_id[:4], 16)
    return {"attachmentId": str(uuid.uuid4()), "privateIpv4Address": f"10.0.{host >> 8}.{host & 255}"}
