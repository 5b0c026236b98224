"""Tests of helpers/fleet."""
