"""Sweeps: what is seen of jobs that run, and of those that ended without an event. Only where a stack asks for it."""
