"""The notifiers that come with batchbell, a folder each: what runs in the Lambda, what Pulumi runs, how to use it."""
