"""Where a job's containers are, by AWS's own model of Batch, and which of them a message is about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from batchbell.dispatcher.messages.failures import failure_of
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.containers import deciding_container
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import JsonObject

MODEL = botocore.session.Session().get_service_model("batch")
EVENTS = sorted(file.stem for file in (Path(__file__).parents[2] / "events").glob("*.json"))


def places_of(shape: Any, wanted: str) -> Iterator[tuple[str, ...]]:
    """Yield the paths to each member of this name, "[]" for a list's element."""
    if shape.type_name == "list":
        yield from (("[]", *path) for path in places_of(shape.member, wanted))
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            if name == wanted:
                yield (name,)
            yield from ((name, *path) for path in places_of(member, wanted))


def job_with(path: tuple[str, ...], value: Any) -> Any:
    first, rest = path[0], path[1:]
    inner = job_with(rest, value) if rest else value
    return [inner] if first == "[]" else {first: inner}


def found_in(job: dict[str, Any]) -> Any:
    return deciding_container(JsonObject(job, "the job"))


PLACES = [
    (shape, place) for shape in ("JobDetail", "JobSummary") for place in places_of(MODEL.shape_for(shape), "exitCode")
]


@pytest.mark.parametrize(
    ("shape", "place"), PLACES, ids=lambda value: ".".join(value) if isinstance(value, tuple) else value
)
def test_an_exit_code_and_a_reason_are_found_wherever_aws_may_write_them(shape, place):
    assert len(PLACES) >= 9
    exited, not_started = job_with(place, 3), job_with((*place[:-1], "reason"), "CannotPullContainerError")

    assert found_in(exited).exit_code == 3
    assert found_in(not_started).reason == "CannotPullContainerError"


LOGS = list(places_of(MODEL.shape_for("JobDetail"), "logConfiguration"))


@pytest.mark.parametrize("place", LOGS, ids=".".join)
def test_a_log_group_is_found_wherever_aws_may_write_it(place):
    elsewhere = {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "/teams/render", "awslogs-region": "eu-central-1"},
    }
    job = job_with(place, elsewhere)
    if "nodeProperties" in job:
        job["nodeProperties"]["nodeRangeProperties"][0]["targetNodes"] = "0:"
    log = found_in(job).log

    assert (log.group, log.region) == ("/teams/render", "eu-central-1")


APP: dict[str, Any] = {"name": "app", "essential": True}
SIDECAR: dict[str, Any] = {"name": "sidecar", "essential": False}
MAIN: dict[str, Any] = {"name": "main"}
STOPPED_PROXY = {"name": "proxy", "exitCode": 137, "reason": "Error"}
FAILED_MAIN = MAIN | {"exitCode": 1, "reason": "Error"}


def pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"eksProperties": {"podProperties": {"containers": [MAIN]}}, "eksAttempts": list(containers)}


def task(*containers: dict[str, Any], attempts: Any = ()) -> dict[str, Any]:
    return {
        "container": {},
        "ecsProperties": {"taskProperties": [{"containers": list(containers)}]},
        "attempts": [{"taskProperties": [{"containers": one}]} for one in attempts],
    }


OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


@pytest.mark.parametrize(
    ("job", "found"),
    [
        ({"container": {"exitCode": 1}}, ("", 1, "")),
        # The essential one decides, whichever comes first and whatever became of the others.
        (task(SIDECAR | {"exitCode": 2}, APP | {"exitCode": 1}), ("app", 1, "")),
        (task(SIDECAR | {"exitCode": 2}, APP | {"exitCode": 0}), ("app", 0, "")),
        (task({"name": "app", "exitCode": 1}, SIDECAR | {"exitCode": 2}), ("app", 1, "")),
        (task(APP | {"exitCode": 0}, {"name": "worker", "exitCode": 4}), ("worker", 4, "")),
        # ECS stops the others once an essential one has failed.
        (task({"name": "proxy", "exitCode": 143}, APP | {"exitCode": 1}), ("app", 1, "")),
        (task({"name": "proxy", "exitCode": 137}, APP | {"exitCode": 1}), ("app", 1, "")),
        (
            task(APP | {"exitCode": 137, "reason": OUT_OF_MEMORY}, {"name": "b", "exitCode": 143}),
            ("app", 137, OUT_OF_MEMORY),
        ),
        (task(APP, {"name": "b", "reason": "CannotPullContainerError"}), ("b", None, "CannotPullContainerError")),
        # One that the essential container waits for, so that this never ran.
        (task(APP, {"name": "prepare", "essential": False, "exitCode": 5}), ("prepare", 5, "")),
        # What only the last attempt says.
        (
            task(SIDECAR, APP, attempts=[[APP | {"exitCode": 9}], [SIDECAR | {"exitCode": 2}, APP | {"exitCode": 1}]]),
            ("app", 1, ""),
        ),
        (task(attempts=[[{"name": "app", "exitCode": 1}]]), ("app", 1, "")),
        ({"attempts": [{"container": {"exitCode": 9}}, {"container": {"reason": "gone"}}]}, ("", None, "gone")),
        (
            {"container": {"exitCode": 1}, "attempts": [{"container": {"reason": OUT_OF_MEMORY}}]},
            ("", 1, OUT_OF_MEMORY),
        ),
        # Pods: a container that has no name has one in its attempt.
        (pod({"containers": [{"name": "main", "exitCode": 137, "reason": "OOMKilled"}]}), ("main", 137, "OOMKilled")),
        (pod({"containers": [{"name": "Default", "exitCode": 2}]}), ("main", 2, "")),
        (
            pod(
                {
                    "containers": [MAIN | {"reason": "PodInitializing"}],
                    "initContainers": [{"name": "init", "exitCode": 1}],
                }
            ),
            ("init", 1, ""),
        ),
        # On EKS every container that failed says "Error", also one that was stopped.
        ({"eksProperties": {"podProperties": {"containers": [STOPPED_PROXY, FAILED_MAIN]}}}, ("main", 1, "Error")),
        (
            {
                "eksProperties": {
                    "podProperties": {"containers": [STOPPED_PROXY | {"reason": "OOMKilled"}, FAILED_MAIN]}
                }
            },
            ("proxy", 137, "OOMKilled"),
        ),
        # What nobody knows yet.
        ({"microvmProperties": {"machines": [{"exitCode": 1}]}}, ("", None, "")),
        ({"container": [], "ecsProperties": "?", "eksAttempts": [None], "attempts": [3]}, ("", None, "")),
    ],
)
def test_the_essential_container_that_failed_decides_or_else_the_last_attempt(job, found):
    container = found_in(job)

    assert (container.name, container.exit_code, container.reason) == found


def test_a_whole_multi_node_job_has_the_log_of_its_main_node():
    def ranges(main: int) -> Any:
        logs = {f"0:{10**30}": "huge", "0:9": "all", "4:": "last", "4:5": "middle", "12": "one", "nobody": "?"}
        properties = [
            {"targetNodes": nodes, "container": {"logConfiguration": {"options": {"awslogs-group": group}}}}
            for nodes, group in logs.items()
        ]
        return {"nodeProperties": {"mainNode": main, "numNodes": 12, "nodeRangeProperties": properties}}

    groups = {main: found_in(ranges(main)).log.group for main in (0, 5, 7, 11, 12, 13, -1)}
    assert groups == {0: "all", 5: "middle", 7: "last", 11: "last", 12: "one", 13: "huge", -1: ""}


def test_a_container_of_empty_lists_does_not_hide_that_of_the_main_node():
    main = {"exitCode": 3, "logConfiguration": {"options": {"awslogs-group": "/teams/render"}}}
    job = {
        "container": {"networkInterfaces": [], "secrets": []},
        "nodeProperties": {
            "mainNode": 0,
            "numNodes": 2,
            "nodeRangeProperties": [{"targetNodes": "0:1", "container": main}],
        },
    }

    assert (found_in(job).exit_code, found_in(job).log.group) == (3, "/teams/render")
    own = {"nodeDetails": {"nodeIndex": 1}, "container": {"exitCode": 4, "logStreamName": "node/1"}}
    assert (found_in(job | own).exit_code, found_in(job | own).log.stream) == (4, "node/1")


@pytest.mark.parametrize("name", [name for name in EVENTS if not name.endswith("tomorrow")])
def test_the_events_of_the_tests_have_the_fields_of_awss_model(event, name):
    unknown = list(fields_without_shape(event(name)["detail"], MODEL.shape_for("JobDetail"), "detail"))

    assert unknown == []


def fields_without_shape(value: Any, shape: Any, place: str) -> Iterator[str]:
    kinds: dict[str, Any] = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool}
    if not isinstance(value, kinds.get(shape.type_name, int)):
        yield f"{place}: not a {shape.type_name}"
    elif shape.type_name == "structure":
        for name, inner in value.items():
            if name not in shape.members:
                yield f"{place}.{name}"
            else:
                yield from fields_without_shape(inner, shape.members[name], f"{place}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            yield from fields_without_shape(inner, shape.member, f"{place}[]")


HOME = "https://{0}.console.aws.amazon.com/cloudwatch/home?region={0}#logsV2:log-groups/log-group/{1}/log-events/{2}"


@pytest.mark.parametrize(
    ("name", "reason", "exit_code", "log"),
    [
        (
            "several-containers-failed",
            f"Essential container in task exited: {OUT_OF_MEMORY}",
            137,
            (
                "Log of app",
                HOME.format(
                    "us-east-1",
                    "$252Fteams$252Frender",
                    "render-def$252Fapp$252F11112222333344445555666677778888",
                ),
            ),
        ),
        ("eks-failed", "Pod failed: OOMKilled", 137, None),
        (
            "reason-in-last-attempt-failed",
            f"Host EC2 (instance i-0123456789abcdef0) terminated.: {OUT_OF_MEMORY}",
            1,
            ("Log", HOME.format("us-east-1", "$252Faws$252Fbatch$252Fjob", "render-def$252Fdefault$252Fd")),
        ),
        (
            "log-in-another-region-failed",
            "Essential container in task exited",
            1,
            ("Log", HOME.format("eu-central-1", "$252Fcentral$252Fbatch", "render-def$252Fdefault$252F1111")),
        ),
    ],
)
def test_a_message_says_why_the_container_ended_and_where_its_log_is(event, name, reason, exit_code, log):
    job = Job.from_event(event(name))
    message = compose(job, failure_of(job))
    (group,) = message.failures

    assert (group.reason, group.exit_code) == (reason, exit_code)
    assert (group.log and (group.log.label, group.log.url)) == log
    assert [link.url for link in message.links if "cloudwatch" in link.url] == ([log[1]] if log else [])
    assert "hunter2" not in message.to_json()


@pytest.mark.parametrize(
    ("name", "label", "url"),
    [
        (
            "parent-several-containers-failed",
            "Logs in /teams/render",
            "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1"
            "#logsV2:log-groups/log-group/$252Fteams$252Frender$3FlogStreamNameFilter$3Drender$252F",
        ),
        (
            "multi-node-failed",
            "Logs in /teams/solver",
            "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
            "#logsV2:log-groups/log-group/$252Fteams$252Fsolver$3FlogStreamNameFilter$3Dsolver$252F",
        ),
    ],
)
def test_a_job_of_many_containers_has_a_link_to_all_their_logs_in_their_own_group_and_region(event, name, label, url):
    job = Job.from_event(event(name))
    links = {link.label: link.url for link in compose(job, failure_of(job)).links}

    assert links[label] == url


@pytest.mark.parametrize(
    "detail",
    [
        {"container": {}},
        {"container": {"logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "cloudwatch"}}}},
        task({"name": "app", "logConfiguration": {"logDriver": "splunk"}}),
        {"container": {}, "eksProperties": {"podProperties": {"containers": [{"name": "main"}]}}},
        {"container": {"logConfiguration": {"options": {"awslogs-region": "evil.example"}}}},
        {"container": {"logConfiguration": {"options": {"awslogs-region": "cn-north-1"}}}},  # of another partition
    ],
)
def test_there_is_no_log_link_where_the_log_is_unknown(event, detail):
    job = Job.from_event(event("parent-failed", **detail))

    assert [link.label for link in compose(job, failure_of(job)).links] == ["Job in the AWS console"]


def test_the_names_of_log_streams_begin_with_the_definitions_name_or_with_the_option(event):
    named = {"logConfiguration": {"options": {"awslogs-stream-prefix": "mine"}}}

    assert Job.from_event(event("parent-failed")).log_prefix == "render"
    assert Job.from_event(event("parent-failed", container=named)).log_prefix == "mine"
