"""Tests of the notebooks as documents and as programs."""
