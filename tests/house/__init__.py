"""Tests of what holds the course together: arrows, installation, the one look, screen readers."""
