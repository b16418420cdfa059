"""What AWS Batch lists: the job queues, and the array jobs of a queue in one status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell.dispatcher.messages.failures import DESCRIBED, PAGE, LookUpBudget
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.dispatcher.watch.watching import Watching

SERVICE_JOBS = "SAGEMAKER_TRAINING"  # a queue of this type has no jobs that ListJobs lists (AWS Batch API reference)


class NotAsked(Exception):
    """There is no budget for a call."""


@dataclass(frozen=True)
class Listed:
    """`complete`: False if there was no budget for the rest of the list."""

    arrays: Sequence[RunningArray]
    complete: bool


@dataclass(frozen=True)
class Listing:
    """`batch`: a boto3 client. The methods raise its errors."""

    batch: Any
    watching: Watching
    budget: LookUpBudget

    def queues(self) -> Sequence[str]:
        """ARNs: as many as there is budget for."""
        if self.watching.queues:
            return self.watching.queues
        pages = self._pages(self.batch.describe_job_queues)
        found = [one for page in pages for one in page["jobQueues"]]
        return [one["jobQueueArn"] for one in found if one.get("jobQueueType") != SERVICE_JOBS]

    def arrays(self, queue: str, status: str) -> Listed:
        """The queue's array jobs in this status that the stack's rule would match."""
        arrays: list[RunningArray] = []
        page: Mapping[str, Any] = {"nextToken": "nothing listed"}
        # A queue's list has parents and single jobs only, no children.
        for page in self._pages(self.batch.list_jobs, jobQueue=queue, jobStatus=status, maxResults=PAGE):
            read = (RunningArray.from_json(one, queue) for one in page.get("jobSummaryList", ()))
            arrays += [one for one in read if one is not None and self.watching.includes(one.job.definition)]
        return Listed(arrays, complete=not page.get("nextToken"))

    def children(self, array_id: str, status: str) -> Sequence[Mapping[str, Any]]:
        """JobSummaries of the first 1,000 children in this status. Raises NotAsked."""
        if not self.budget.spend():
            raise NotAsked
        answer = self.batch.list_jobs(arrayJobId=array_id, jobStatus=status, maxResults=PAGE)
        return [*answer.get("jobSummaryList", ())]

    def describe(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """JobDetails by the job's id; what there is no budget for, or what Batch has forgotten, is missing."""
        asked = list(dict.fromkeys(ids))
        found: dict[str, Mapping[str, Any]] = {}
        for first in range(0, len(asked), DESCRIBED):
            if not self.budget.spend():
                break
            answer = self.batch.describe_jobs(jobs=asked[first : first + DESCRIBED])
            found.update((one["jobId"], one) for one in answer.get("jobs", ()) if "jobId" in one)
        return found

    def _pages(self, call: Any, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        page: dict[str, Any] = {}
        while self.budget.spend():
            answer = call(**arguments, **page)
            yield answer
            if not answer.get("nextToken"):
                return
            page = {"nextToken": answer["nextToken"]}
