"""The Lambda function's package, as a folder."""
