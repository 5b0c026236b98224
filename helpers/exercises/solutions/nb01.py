"""Solutions of notebook 01. Each stands in the place of the dots; `check` is called by the notebook."""


# Exercise 01.1
def my_objective(trial):
    config = TrainingConfig(
        learning_rate=trial.suggest_float("learning_rate", 0.001, 1, log=True),
        batch_size=trial.suggest_int("batch_size", 16, 256, log=True),
        optimizer=trial.suggest_categorical("optimizer", ["sgd", "adam"]),
        epochs=3,
        seed=SEED,
    )
    _, epochs = fit(config, data)
    return epochs[-1].validation_accuracy


# Exercise 01.2
close_to_best = (trials["value"] >= trials["value"].max() - 0.01).sum()


# Exercise 01.3
def loss_objective(trial):
    rate = trial.suggest_float("learning_rate", 1e-3, 1, log=True)
    _, epochs = fit(TrainingConfig(learning_rate=rate, epochs=2, seed=SEED), data)
    return epochs[-1].validation_loss


my_study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=SEED))
my_study.optimize(loss_objective, n_trials=12)


# Exercise 01.4
answer = "b"
