"""A local stand-in for Slack's incoming webhooks."""
