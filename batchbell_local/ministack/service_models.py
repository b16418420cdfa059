"""Lets MiniStack read each of botocore's service models once.

MiniStack makes a session of botocore for each service that it answers for, and reads the model once more to know which
operations take tags: a third of the time in which it creates a first stack (measured).
"""

from __future__ import annotations

import functools
from typing import Any

from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from ministack.core import iam_actions, responses


def install() -> None:
    """Make this process's MiniStack share what is read."""
    loader = create_loader()

    def load(name: str) -> dict[str, Any]:
        """Return the model by botocore's name of the service; empty if there is none."""
        try:
            return dict(loader.load_service_model(name, "service-2"))
        except (UnknownServiceError, DataNotFoundError):
            return {}

    @functools.cache
    def service_model(service: str) -> ServiceModel | None:
        """Return the model by MiniStack's name of the service, or None."""
        name = responses._BOTOCORE_NAME.get(service, service)
        found = load(name)
        return ServiceModel(found, service_name=name) if found else None

    responses._service_model = service_model
    iam_actions._load_botocore_model = load
