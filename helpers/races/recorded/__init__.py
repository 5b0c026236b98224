"""Races and importances that were recorded, with their cards and the programs that record them."""
