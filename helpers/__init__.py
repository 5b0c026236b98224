"""Training code and teaching devices of Learn Optuna.

Arrows between folders point down. On the ground stand `errors`, `plots` and `accessible`; on each floor what is built
on the lower ones alone: `training` (which knows nothing of Optuna) and `learn`, `problems`, `races`, `inside` and
`fleet`, `explore`, `exercises`. Three modules stand beside the folders: `machine`, which runs before anything is
installed, `checkup`, which examines any study, and `worker`, a door: `python -m helpers.worker` runs fleet/worker.py.
"""
