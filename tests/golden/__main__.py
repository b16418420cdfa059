"""`make golden`: write the renderings anew. Then read what `git diff` shows."""

from tests.golden.renderings import write

write()
