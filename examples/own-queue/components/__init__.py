"""Components of the program itself, independent of batchbell's."""

from .render_queue import RenderQueue

__all__ = ["RenderQueue"]
