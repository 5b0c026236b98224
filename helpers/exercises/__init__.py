"""What is checked in each exercise, a module a notebook; the solutions lie beside it, a file a notebook."""
