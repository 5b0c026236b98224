"""Tests of helpers/races."""
