"""Deploys Pulumi programs to local AWS: without the engine (`monitor`), or as the engine's provider (`provider`)."""
