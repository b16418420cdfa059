"""A local AWS: MiniStack, extended by array jobs and by the AWS behaviour that batchbell relies on."""
