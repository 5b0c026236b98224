"""Tests of helpers/explore, without a browser."""
