from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def event_loop_of_pulumi():
    """Outputs need one; a Pulumi program has it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()
