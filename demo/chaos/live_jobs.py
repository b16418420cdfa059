"""Array jobs that run on local AWS Batch during a chaos run, so that sweeps see them: their children are moved on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from batchbell_local.cloud import LocalCloud

CHILDREN = 8
SHARE = 0.2  # of all jobs
EARLY_SHARE = 0.5  # of these jobs: they begin before anything fails, so that each run has live messages
LATEST_BEGIN = 0.5  # of the run
FAILED_SHARE = 0.4  # of the jobs


@dataclass
class LiveJob:
    """`begin` and `end`: as shares of the run. `failed`: how many of its children fail, the first ones."""

    name: str
    begin: float
    end: float
    failed: int
    job_id: str = ""
    done: int = 0


@dataclass
class LiveJobs:
    """The jobs of one queue, which this holds. `definition`: of all of them."""

    cloud: LocalCloud
    queue_arn: str
    definition: str
    jobs: list[LiveJob] = field(default_factory=list)

    @classmethod
    def plan(cls, cloud: LocalCloud, queue_arn: str, definition: str, names: Sequence[str], random: Random) -> LiveJobs:
        """Plan jobs of these names."""
        planned = [
            LiveJob(
                name,
                begin := random.random() * LATEST_BEGIN if number >= len(names) * EARLY_SHARE else 0.0,
                begin + (1 - begin) * (0.3 + 0.65 * random.random()),
                random.randint(1, CHILDREN) if random.random() < FAILED_SHARE else 0,
            )
            for number, name in enumerate(names)
        ]
        cloud.jobs.hold(queue_arn)
        return cls(cloud, queue_arn, definition, planned)

    def advance(self, share: float) -> None:
        """Do what has happened until this share of the run."""
        for job in self.jobs:
            if share < job.begin:
                continue
            if not job.job_id:
                job.job_id = self._submit(job.name)
                self.cloud.jobs.move(job.job_id, "RUNNING", CHILDREN // 2)
            self._finish(job, min(CHILDREN, int(CHILDREN * (share - job.begin) / (job.end - job.begin))))

    @property
    def begun(self) -> int:
        """How many of them have been submitted."""
        return sum(bool(job.job_id) for job in self.jobs)

    @property
    def keys(self) -> Mapping[str, str]:
        """Their names by the keys of the messages about their end."""
        prefix = f"arn:aws:batch:{self.cloud.region}:{self.cloud.account_id}:job"
        return {f"{prefix}/{job.job_id}#{'FAILED' if job.failed else 'SUCCEEDED'}": job.name for job in self.jobs}

    def _submit(self, name: str) -> str:
        job = self.cloud.client("batch").submit_job(
            jobName=name,
            jobQueue=self.queue_arn,
            jobDefinition=self.definition,
            arrayProperties={"size": CHILDREN},
        )
        return str(job["jobId"])

    def _finish(self, job: LiveJob, done: int) -> None:
        failing = max(0, min(done, job.failed) - job.done)
        if failing:
            self.cloud.jobs.move(job.job_id, "FAILED", failing)
        if done - job.done > failing:
            self.cloud.jobs.move(job.job_id, "SUCCEEDED", done - job.done - failing)
        job.done = max(job.done, done)
