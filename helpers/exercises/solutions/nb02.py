"""Solutions of notebook 02. Each stands in the place of the dots; `check` is called by the notebook."""


# Exercise 02.1
def repaired_1(trial):
    widths = [16, 32, 64, 128]
    return trial.suggest_categorical("width", widths)


# Exercise 02.2
def repaired_2(trial):
    use_decay = trial.suggest_categorical("use_decay", [True, False])
    return trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True) if use_decay else 0.0


# Exercise 02.3
def repaired_3(trial):
    depth = trial.suggest_int("depth", 1, 3)
    return [trial.suggest_int(f"width_{layer}", 8, 64) for layer in range(depth)]


# Exercise 02.4
def frugal(trial):
    batch_size = trial.suggest_int("batch_size", 16, 512, log=True)
    epochs = trial.suggest_int("epochs", 1, 20)
    trial.set_constraint("budget", batch_size * epochs - 1280)
    return batch_size * epochs
