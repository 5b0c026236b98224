"""What goes wrong on purpose, and the whole course in every way."""
