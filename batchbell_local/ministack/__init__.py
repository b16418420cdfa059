"""What MiniStack lacks, added inside its process: AWS Batch, and AWS's behaviour that deliveries rely on."""
