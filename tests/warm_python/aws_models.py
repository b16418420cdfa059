"""Reads the models of AWS's services once: each session of boto3 would read them anew."""

from __future__ import annotations

from typing import Any

from botocore import loaders


def remember_models() -> None:
    """Keep each file that botocore reads, for all sessions of this process and those that it forks."""
    read, known = loaders.JSONFileLoader.load_file, dict[str, Any]()

    def load_file(self: Any, file_path: str) -> Any:
        if file_path not in known:
            known[file_path] = read(self, file_path)
        return known[file_path]

    loaders.JSONFileLoader.load_file = load_file
