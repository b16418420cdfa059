"""Servers for tests: of this project, of local AWS, and of notifiers that others write."""

from batchbell.testing.faulty_server import FaultyServer, Request, Response

__all__ = ["FaultyServer", "Request", "Response"]
