"""The deploy-time half: Pulumi components that watch AWS Batch jobs and notify people."""

from .array_job_notifier import ArrayJobNotifier, ArrayJobNotifierArgs

__all__ = ["ArrayJobNotifier", "ArrayJobNotifierArgs"]
