"""A local Slack: takes what an incoming webhook takes."""
