"""Random faults on everything at once, and an account of what became of each job's messages."""
