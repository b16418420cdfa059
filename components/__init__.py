"""The deploy-time half: Pulumi components that watch AWS Batch and notify."""

from .array_job_notifier import ArrayJobNotifier, ArrayJobNotifierArgs

__all__ = ["ArrayJobNotifier", "ArrayJobNotifierArgs"]
