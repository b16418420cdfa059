"""`make golden`: write the renderings again. Then read `git diff`."""

from tests.golden.renderings import write

write()
