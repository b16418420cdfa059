"""A deployed stack: found in AWS, with its queues, dead letters and delivery outcomes."""
