"""What messages say: the stack's choices, as the function reads them in its package and needs them in its role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from batchbell.provisioning import Statement
from batchbell.wire import Manifest, Watch

from .granted_notifier import GrantedNotifier
from .settings.arns import streams_of
from .settings.time_zone import time_zone_entry


@dataclass(frozen=True)
class MessageSettings:
    """As in `settings.model.Settings`, with the log groups of the stack's own jobs.

    statuses: those of a notifier that names none; empty for all that come
    """

    time_zone: str = "UTC"
    owner_tag: str = ""
    log_lines: int = 0
    rerun_hint: bool = True
    log_group_arns: Sequence[pulumi.Input[str]] = ()
    statuses: Sequence[str] = ()


def reading_logs(messages: MessageSettings) -> list[Statement]:
    """The permission to read the logs' ends, if the stack asks for them."""
    if not messages.log_lines:
        return []
    streams = [pulumi.Output.from_input(arn).apply(streams_of) for arn in messages.log_group_arns]
    return [Statement(("logs:GetLogEvents",), tuple(streams))]


def manifest(
    notifiers: Sequence[GrantedNotifier], messages: MessageSettings, watch: Watch | None
) -> pulumi.Output[str]:
    """What the function reads of the stack's choices, as JSON. `watch`: None without sweeps."""
    written: Manifest = {"instances": [one.manifest_entry(messages.statuses) for one in notifiers]}
    if zone := time_zone_entry(messages.time_zone):
        written["time_zone"] = zone
    if messages.owner_tag:
        written["owner_tag"] = messages.owner_tag
    if not messages.rerun_hint:
        written["rerun_hint"] = False
    if messages.log_lines:
        written["log_lines"] = messages.log_lines
    if watch is not None:
        written["watch"] = watch
    return pulumi.Output.json_dumps(written, sort_keys=True)
