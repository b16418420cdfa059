"""Injects random faults everywhere at once, then audits what became of each job's messages."""
