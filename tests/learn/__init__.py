"""Tests of helpers/learn."""
