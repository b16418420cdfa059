"""Builds the Lambda function's package as a folder."""
