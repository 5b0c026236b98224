"""Solutions of notebook 03. Each stands in the place of the dots; `check` is called by the notebook."""


# Exercise 03.1
def regret(values, optimum):
    return optimum - np.maximum.accumulate(values)


# Exercise 03.2
my_grid = {
    "learning_rate": [0.022, 0.046, 0.1, 0.22],
    "width": [64],
    "depth": [1, 2],
    "batch_size": [16, 64],
    "dropout": [0.0, 0.2],
    "momentum": [0.6],
    "weight_decay": [1e-5],
}


# Exercise 03.3
my_race = race(find_function("branin"), {name: entrants[name] for name in ("Random", "QMC")}, trials=60, seeds=SEEDS)
verdict = paired_tests(my_race)["better"][0] or "neither"


# Exercise 03.4
my_choice = {"a": "GP", "b": "CMA-ES", "c": "TPE"}
