"""batchbell sends one message when a whole AWS Batch array job has finished."""

__version__ = "0.1.0"
