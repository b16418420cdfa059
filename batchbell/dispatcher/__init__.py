"""The Lambda's own code: from a queue of finished jobs to one message per notifier."""
