"""Tests of helpers/exercises: right answers, wrong ones, and the quiz proven."""
