"""A notifier for ACME's pagers, which read YAML from an SQS queue."""
