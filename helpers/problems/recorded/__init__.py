"""Trainings that were recorded, with their data cards and the program that records them."""
