"""Servers for tests: of this project, of local AWS, and of notifiers that others write."""
