"""Networks, their data and their training. Nothing here has heard of Optuna."""
