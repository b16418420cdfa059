"""This program's own components: no relation to batchbell's."""

from .render_queue import RenderQueue

__all__ = ["RenderQueue"]
