"""Runs again what failed of an array job: the failed children, the wrapped command, the submission, its progress."""
