"""Training code and teaching devices of Learn Optuna.

Arrows point one way. `errors`, `config`, `data`, `augment`, `models`, `training`, `ensemble`, `checkpoint` and
`smudged` know nothing of Optuna; `plots` is the course's one look; `learn` serves the notebooks, the exercises, the
leaderboard and the machine check; nothing builds on `explore` but the notebooks and the exercises.
"""
