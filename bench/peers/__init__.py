"""Measures batchbell beside other programs that send such messages, on the same faults, into the same Slack."""
