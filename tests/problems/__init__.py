"""Tests of helpers/problems and of its recorder."""
