"""This program's own components, independent of batchbell's."""

from .render_queue import RenderQueue

__all__ = ["RenderQueue"]
