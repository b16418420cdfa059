"""The deploy-time half: Pulumi components that watch AWS Batch jobs and notify people."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .array_job_notifier import ArrayJobNotifier, ArrayJobNotifierArgs

__all__ = ["ArrayJobNotifier", "ArrayJobNotifierArgs"]


def __getattr__(name: str) -> Any:
    """Import the components when they are first used: who reads only settings needs no pulumi_aws."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(".array_job_notifier", __name__), name)
