"""Training code and teaching devices of Learn Optuna.

Arrows point one way. `errors`, `data`, `augment`, `models` and `training` know nothing of Optuna;
`plots` is the course's one look; `learn` and `explore` build on them; nothing builds on `learn` or `explore`
but the notebooks.
"""
