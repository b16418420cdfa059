"""Why no package for the Lambda can be made."""

from __future__ import annotations

import pulumi


class BundleError(pulumi.RunError):
    """The Lambda's package cannot be made; the text says what is missing and how to mend it, and Pulumi prints it
    without a traceback."""
