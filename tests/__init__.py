"""What proves the course; tests/README.md says what is where."""
