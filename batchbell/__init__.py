"""batchbell: one message when a whole AWS Batch array job is done."""

__version__ = "0.1.0"
