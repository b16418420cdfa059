"""Sends each message to one target of Apprise, a library for many services. See README.md."""
