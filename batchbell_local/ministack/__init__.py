"""Extensions of MiniStack, installed in its process: AWS Batch, and the AWS behaviour that deliveries rely on."""
