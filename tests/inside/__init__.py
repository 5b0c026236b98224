"""Tests of helpers/inside."""
