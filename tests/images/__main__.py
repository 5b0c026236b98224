"""`python -m tests.images`."""

from tests.images import write_all

write_all()
