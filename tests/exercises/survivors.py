"""Mutants that mean the same as the solution, each with the reason; `test_mutants` holds the list true."""

FIVE = "five_scores = [0.41, 0.9, 0.13, 0.93, 0.88] -> five_scores = "
LOW = "a score below the best so far may be any other below it"
WIDE = "my_setting = {'learning_rate': 0.3, 'momentum': 0.5, 'width': 100, 'dropout': 0.0} -> my_setting = "
GOOD = "this setting reaches 0.9, too"

SURVIVORS: dict[str, dict[str, str]] = {
    "00.1": {
        FIVE + "[0.41, 0.9, -0.87, 0.93, 0.88]": LOW,
        FIVE + "[0.41, 0.9, 0.26, 0.93, 0.88]": LOW,
        FIVE + "[0.41, 0.9, 0.13, 0.93, -0.12]": LOW,
    },
    "00.3": {
        WIDE + "{'learning_rate': 0.6, 'momentum': 0.5, 'width': 100, 'dropout': 0.0}": GOOD,
        WIDE + "{'learning_rate': 0.3, 'momentum': 0.5, 'width': 101, 'dropout': 0.0}": GOOD,
        WIDE + "{'learning_rate': 0.3, 'momentum': 0.5, 'width': 99, 'dropout': 0.0}": GOOD,
    },
    "01.2": {
        "close_to_best = (trials['value'] >= trials['value'].max() - 0.01).sum() -> "
        "close_to_best = (trials['value'] > trials['value'].max() - 0.01).sum()": "0.99 - 0.01 is not 0.98 in a "
        "computer: at the border both are accepted",
    },
    "01.3": {
        "my_study = optuna.create_study(direction='minimize', sampler=optuna.samplers.TPESampler(seed=SEED)) -> "
        "my_study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))": "a study minimises by itself",
        "_, epochs = fit(TrainingConfig(learning_rate=rate, epochs=2, seed=SEED), data) -> "
        "_, epochs = fit(TrainingConfig(learning_rate=rate, epochs=2), data)": "0 is the seed of a training by itself",
        "return epochs[-1].validation_loss -> return epochs[+1].validation_loss": "of two epochs that is the last",
    },
}
