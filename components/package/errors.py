"""The error of a failed build."""

from __future__ import annotations

import pulumi


class BundleError(pulumi.RunError):
    """The Lambda's package cannot be built.

    The text says why and how to fix it; Pulumi prints it without a traceback.
    """
