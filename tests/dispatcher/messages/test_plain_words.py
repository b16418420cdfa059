"""What exit codes and reasons mean. The reasons are AWS's, Docker's and Kubernetes' own texts."""

from __future__ import annotations

import pytest

from batchbell.dispatcher.messages.plain_words import MEANINGS, explain

EXITED = "Essential container in task exited"
PULL = "Task failed to start: CannotPullContainerError: "
INIT = "Task failed to start: ResourceInitializationError: "

CASES = [
    (f"{EXITED}: OutOfMemoryError: Container killed due to memory usage", 137, "more memory than its job definition"),
    ("Pod failed: OOMKilled", 137, "more memory than its job definition"),
    (EXITED, 137, "Killed (SIGKILL): often"),
    (EXITED, 139, "SIGSEGV"),
    (EXITED, 143, "told to end (SIGTERM): often"),
    (EXITED, 134, "SIGABRT"),
    (EXITED, 132, "SIGILL"),
    (EXITED, 126, "could not be run"),
    (EXITED, 127, "not found in the image"),
    (
        f"{EXITED}: CannotStartContainerError: Error response from daemon: failed to create task for container: failed "
        'to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "'
        'paint": executable file not found in $PATH: unknown',
        1,
        "has no program of this name",
    ),
    (
        "CannotStartContainerError: OCI runtime create failed: container_linux.go:370: starting container process "
        'caused: exec: "/entrypoint.sh": stat /entrypoint.sh: no such file or directory: unknown',
        1,
        "has no program of this name",
    ),
    (f'{EXITED}: exec: "/run.sh": permission denied', 126, "not executable"),
    ("CannotStartContainerError: exec /bin/paint: exec format error", 1, "another processor architecture"),
    (
        f"{PULL}inspect image has been retried 5 time(s): httpReaderSeeker: failed open: unexpected status code "
        "https://registry-1.docker.io/v2/library/busybox/manifests/sha256:1: 429 Too Many Requests - Server message: "
        "toomanyrequests: You have reached your pull rate limit",
        None,
        "pull limit is used up",
    ),
    (
        f"{PULL}pull image manifest has been retried 5 time(s): failed to resolve ref 1.dkr.ecr.us-east-1.amazonaws.com"
        "/paint:1: failed to do request: Head https://1.dkr.ecr.us-east-1.amazonaws.com/v2/paint/manifests/1: dial tcp "
        "10.0.0.1:443: i/o timeout",
        None,
        "could not be reached",
    ),
    (
        "CannotPullContainerError: Error response from daemon: Get https://1.dkr.ecr.us-east-1.amazonaws.com/v2/: "
        "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
        None,
        "could not be reached",
    ),
    (
        f"{PULL}ref pull has been retried 1 time(s): failed to resolve reference: pulling from host "
        "1.dkr.ecr.us-east-1.amazonaws.com failed with status code [manifests 1]: 403 Forbidden",
        None,
        "refused the pull",
    ),
    (
        "CannotPullECRContainerError: AccessDeniedException: User: arn:aws:sts::1:assumed-role/ecsInstanceRole/i-1 is "
        "not authorized to perform: ecr:GetAuthorizationToken",
        None,
        "refused the pull",
    ),
    (
        f"{PULL}pull access denied for nobody/nothing, repository does not exist or may require 'docker login'",
        None,
        "no such image, or wants a sign-in",
    ),
    (
        f"{PULL}failed to resolve ref docker.io/library/busybox:0.0: docker.io/library/busybox:0.0: not found",
        None,
        "no image of this name and tag",
    ),
    (
        "CannotPullContainerError: Error response from daemon: manifest for busybox:0.0 not found: manifest unknown",
        None,
        "no image of this name and tag",
    ),
    (f"{PULL}no matching manifest for linux/arm64/v8 in the manifest list entries", None, "processor architecture"),
    ("CannotPullContainerError: write /var/lib/docker/tmp/1: no space left on device", None, "disk was full"),
    (
        f"{INIT}unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve "
        "secret from asm: service call has been retried 1 time(s): AccessDeniedException: not authorized to perform",
        None,
        "execution role lacks a permission",
    ),
    (
        f"{INIT}unable to pull secrets or registry auth: pull command failed: unable to retrieve ecr registry auth: "
        "RequestError: send request failed caused by: Post https://api.ecr.us-east-1.amazonaws.com/: dial tcp timeout",
        None,
        "could not read the image's registry or a secret",
    ),
    (
        f"{INIT}failed to validate logger args: failed to create Cloudwatch log "
        "stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
        None,
        "log group does not exist",
    ),
    (f"{INIT}failed to invoke EFS utils commands to set up EFS volumes: mount.nfs4: time", None, "file system"),
    (f"{INIT}failed to download env files", None, "could not prepare the container"),
    (
        "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s",
        None,
        "did not start in time",
    ),
    ("Host EC2 (instance i-0a1b2c3d4e5f60718) terminated.", None, "instance was terminated"),
    ("Your Spot Task was interrupted.", 143, "Spot capacity back"),
    ("Job attempt duration exceeded timeout", 137, "ran longer than its time-out"),
    ("Dependent Job failed", None, "a job that it depends on failed"),
    (
        "Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        None,
        "no such ins",
    ),
    (
        "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        None,
        "more vCPUs than",
    ),
    (
        "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        None,
        "large eno",
    ),
    ("Canceled by JobStateTimeLimit action due to reason: ACTION_REQUIRED", None, "could not start for too long"),
    ("Terminated by user", 137, "A person or a program ended it"),
]


@pytest.mark.parametrize(("reason", "exit_code", "words"), CASES)
def test_a_reason_is_explained_in_plain_words(reason: str, exit_code: int | None, words: str) -> None:
    assert words in explain(reason, exit_code)


@pytest.mark.parametrize(
    ("reason", "exit_code"),
    [
        (EXITED, 1),
        (EXITED, 2),
        (EXITED, None),
        (EXITED, 0),
        ("no reason given", None),
        ("no colour left", 3),
        ("", 255),
    ],
)
def test_where_nothing_is_sure_nothing_is_said(reason: str, exit_code: int | None) -> None:
    assert explain(reason, exit_code) == ""


def test_each_entry_of_the_table_explains_a_case_and_names_its_source() -> None:
    explained = {explain(reason, code) for reason, code, _ in CASES}

    assert [one.words for one in MEANINGS if one.words not in explained] == []
    assert all(one.source and len(one.words) <= 120 and one.words.endswith(".") for one in MEANINGS)
