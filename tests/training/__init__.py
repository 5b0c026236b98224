"""Tests of helpers/training."""
