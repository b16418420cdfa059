"""What SQS hands over, parsed: an event of AWS Batch, a test, a ticket."""
