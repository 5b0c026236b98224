"""`python -m images.draw`."""

from images.draw import write_all

write_all()
