"""What a failure's exit code and reason mean, in one line of plain words, and what usually helps.

Only where it is sure; "often" where it is not. Each entry names its source. Reasons are those of AWS Batch, Amazon ECS,
the container runtime and Kubernetes, joined as `failures` joins them: the job's status reason, then the container's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Sources, as the table names them.
BATCH = "AWS Batch User Guide"
ECS = "Amazon ECS Developer Guide, 'Amazon ECS stopped tasks error messages'"
DOCKER = "Docker Docs, 'docker container run', exit status; POSIX shell, 'Exit Status for Commands'"
SIGNALS = "Bash Reference Manual, 'Exit Status': 128 + the signal's number; signal(7)"
KUBERNETES = "Kubernetes documentation, 'Images' and 'Assign Memory Resources'"


@dataclass(frozen=True)
class Meaning:
    """One entry of the table: the first that fits is taken.

    pattern: is found in the reason, without regard to case; "" fits every reason.
    exit_codes: the exit codes that it fits; empty for any, also none.
    words: what it means, then what helps.
    source: where the meaning, or the reason's text, is documented.
    """

    pattern: str
    words: str
    source: str
    exit_codes: tuple[int, ...] = ()

    def fits(self, reason: str, exit_code: int | None) -> bool:
        if self.exit_codes and exit_code not in self.exit_codes:
            return False
        return re.search(self.pattern, reason, re.IGNORECASE) is not None


_PULL = r"Cannot ?PullContainer|CannotPullECR|ErrImagePull|ImagePullBackOff|failed to pull"

MEANINGS = (
    # Why a container never started: its image.
    Meaning(
        rf"(?:{_PULL}).*(?:toomanyrequests|too many requests|pull rate limit|ThrottlingException|rate exceeded)",
        "The registry's pull limit is used up. Copy the image to Amazon ECR, or sign in to the registry.",
        f"{ECS}, 'CannotPullContainer'; AWS re:Post, 'You have reached your pull rate limit'",
    ),
    Meaning(
        rf"(?:{_PULL}).*no matching manifest",
        "The image has no build for this processor architecture. Push one, or use other instance types.",
        f"{ECS}, 'CannotPullContainer'; Docker Docs, 'Multi-platform builds'",
    ),
    Meaning(
        rf"(?:{_PULL}).*(?:pull access denied|insufficient_scope).*(?:does not exist|docker login|authoriz)",
        "The registry has no such image, or wants a sign-in. Check the image's name, then its credentials.",
        f"{ECS}, 'CannotPullContainer'",
    ),
    Meaning(
        rf"(?:{_PULL}).*(?:manifest unknown|manifest for .* not found|: not found|does not exist|name unknown"
        r"|ImageNotFound|RepositoryNotFound|404)",
        "The registry has no image of this name and tag. Check the job definition's image.",
        f"{ECS}, 'CannotPullContainer'",
    ),
    Meaning(
        rf"(?:{_PULL}).*(?:AccessDenied|not authorized|no basic auth|authorization failed|unauthorized|forbidden"
        r"|\b40[13]\b|denied)",
        "The registry refused the pull. The execution role (Fargate) or instance role (EC2) needs permission.",
        f"{ECS}, 'CannotPullContainer'",
    ),
    Meaning(
        rf"(?:{_PULL}).*(?:i/o timeout|dial tcp|no route to host|connection (?:refused|reset)|request cancell?ed"
        r"|deadline exceeded|TLS handshake timeout|no such host|Client\.Timeout)",
        "The registry could not be reached. The subnet needs a route to it: public addresses, NAT or VPC endpoints.",
        f"{ECS}, 'CannotPullContainer'",
    ),
    Meaning(
        r"no space left on device",
        "The disk was full. Use a larger volume, or a smaller image.",
        f"{ECS}, 'CannotPullContainer'; errno(3), ENOSPC",
    ),
    # Why a container never started: its surroundings.
    Meaning(
        r"ResourceInitializationError.*(?:AccessDenied|not authorized|unauthorized)",
        "The execution role lacks a permission that the start needs: for the image, a secret or the log.",
        f"{ECS}, 'ResourceInitializationError'",
    ),
    Meaning(
        r"ResourceInitializationError.*(?:log ?group does not exist|ResourceNotFoundException.*log)",
        "The job's log group does not exist. Create it, or let the job definition name another.",
        f"{ECS}, 'ResourceInitializationError'",
    ),
    Meaning(
        r"ResourceInitializationError.*(?:EFS|mount)",
        "A file system could not be mounted: often a security group or a missing mount target.",
        f"{ECS}, 'ResourceInitializationError'",
    ),
    Meaning(
        r"ResourceInitializationError.*(?:pull secrets|registry auth|RequestError|timeout|deadline|asm|ssm|ecr)",
        "Fargate could not read the image's registry or a secret: often no route out of the subnet, or no permission.",
        f"{ECS}, 'ResourceInitializationError'",
    ),
    Meaning(
        r"ResourceInitializationError",
        "Fargate could not prepare the container: often a subnet without a route out, or a VPC without DNS.",
        f"{ECS}, 'ResourceInitializationError'",
    ),
    # Why a container never started: its command.
    Meaning(
        r"executable file not found|exec: .*: no such file or directory|stat .*: no such file or directory",
        "The image has no program of this name. Check the job definition's command, and the image's ENTRYPOINT.",
        f"{ECS}, 'CannotStartContainerError'; {DOCKER}",
    ),
    Meaning(
        r"exec format error",
        "The program was built for another processor architecture, or is a script without its first line #!.",
        "execve(2), ENOEXEC",
    ),
    Meaning(
        r"(?:exec|OCI runtime).*permission denied",
        "The program may not be run: its file is not executable for the container's user.",
        f"{ECS}, 'CannotStartContainerError'; {DOCKER}",
    ),
    Meaning(
        r"(?:DockerTimeoutError|ContainerRuntimeTimeoutError|Could not transition to)",
        "The container did not start in time: often the instance's disk is busy with too many starts at once.",
        f"{ECS}, 'DockerTimeoutError'; AWS re:Post, 'DockerTimeoutError in AWS Batch'",
    ),
    # Why it was ended.
    Meaning(
        r"OutOfMemory|OOMKilled",
        "It needed more memory than its job definition gives. Raise the memory, or lower what it needs.",
        f"{ECS}, 'OutOfMemoryError'; {KUBERNETES}",
    ),
    Meaning(
        r"Host EC2 .*terminated",
        "Its instance was terminated, on Spot often because EC2 took it back. More attempts let it start elsewhere.",
        f"{BATCH}, 'Automated job retries' and 'Best practices', Spot",
    ),
    Meaning(
        r"Spot (?:Task|interruption|instance).*(?:interrupt|terminat|reclaim)|Your Spot Task was interrupted",
        "EC2 needed the Spot capacity back. More attempts let it start again.",
        f"{BATCH}, 'Fargate Spot'; {ECS}, 'Your Spot Task was interrupted'",
    ),
    Meaning(
        r"attempt duration exceeded timeout",
        "It ran longer than its time-out allows, and Batch ended it. Such a job is not tried again.",
        f"{BATCH}, 'Job timeouts'",
    ),
    Meaning(
        r"Dependent Job failed",
        "It never ran: a job that it depends on failed. Look at that one.",
        f"{BATCH}, 'Job dependencies'",
    ),
    Meaning(
        r"JobStateTimeLimit.*INSUFFICIENT_INSTANCE_CAPACITY",
        "The queue's time limit cancelled it: EC2 had no such instances. Allow more instance types or zones.",
        f"{BATCH}, 'Jobs stuck in a RUNNABLE status'",
    ),
    Meaning(
        r"JobStateTimeLimit.*COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "The queue's time limit cancelled it: it needs more vCPUs than a compute environment may have.",
        f"{BATCH}, 'Jobs stuck in a RUNNABLE status'",
    ),
    Meaning(
        r"JobStateTimeLimit.*JOB_RESOURCE_REQUIREMENT",
        "The queue's time limit cancelled it: no instance type of the environment is large enough for it.",
        f"{BATCH}, 'Jobs stuck in a RUNNABLE status'",
    ),
    Meaning(
        r"JobStateTimeLimit",
        "The queue's time limit cancelled it, since it could not start for too long.",
        f"{BATCH}, 'Automatic remediation with jobStateTimeLimitActions'",
    ),
    Meaning(
        r"(?:cancell?ed|terminated|stopped|killed) by (?:the )?(?:user|operator|console)"
        r"|(?:user|operator) (?:cancell?ed|terminated|request)",
        "A person or a program ended it; that is the reason they gave.",
        f"{BATCH}, 'TerminateJob' and 'CancelJob': their reason becomes the status reason",
    ),
    # What its process said at its end.
    Meaning(
        "",
        "Killed (SIGKILL): often the instance ran out of memory, or the job did not stop within 30 s when told to.",
        f"{SIGNALS}; {BATCH}, 'Job timeouts'",
        (137,),
    ),
    Meaning(
        "",
        "It crashed (SIGSEGV, a wrong memory access): a fault of the program or one of its libraries.",
        SIGNALS,
        (139,),
    ),
    Meaning(
        "",
        "It was told to end (SIGTERM): often by a person or program, by a time-out, or because its instance went away.",
        f"{SIGNALS}; {BATCH}, 'Job timeouts'",
        (143,),
    ),
    Meaning(
        "", "It aborted (SIGABRT): often a failed assertion, or memory that could not be allocated.", SIGNALS, (134,)
    ),
    Meaning(
        "",
        "It ran an instruction that this processor lacks (SIGILL): often it was built for another kind of processor.",
        SIGNALS,
        (132,),
    ),
    Meaning("", "The command was found but could not be run: often its file is not executable.", DOCKER, (126,)),
    Meaning(
        "", "The command, or one that it runs, was not found in the image: check its name and PATH.", DOCKER, (127,)
    ),
)


def explain(reason: str, exit_code: int | None) -> str:
    """Return the line for a failure, or "" where nothing sure can be said.

    reason: the job's status reason and the container's reason, joined.
    """
    return next(_fitting(reason, exit_code), "")


def _fitting(reason: str, exit_code: int | None) -> Iterator[str]:
    return (one.words for one in MEANINGS if one.fits(reason, exit_code))
