"""Mutants that mean the same as the solution, each with the reason; `test_mutants` holds the list true."""

FIVE = "five_scores = [0.41, 0.9, 0.13, 0.93, 0.88] -> five_scores = "
LOW = "a score below the best so far may be any other below it"
WIDE = "my_setting = {'learning_rate': 0.3, 'momentum': 0.5, 'width': 100, 'dropout': 0.0} -> my_setting = "
GOOD = "this setting reaches 0.9, too"
CLIMB = "return np.clip(best + self.rng.normal(0, self.step, size=len(best)), 0, 1) -> "
ALONE = "lonely.choose(*[int(number) for number in np.flatnonzero(factors.min({}) {} 1.5)])"

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
    "05.1": {
        **dict.fromkeys(
            ("step = 0.1 -> pass", "step = 0.1 -> step = 1.1", "step = 0.1 -> step = -0.9", "step = 0.1 -> step = 0.2"),
            "how long a step is, is for the learner to play with; the check sets lengths of its own",
        ),
        CLIMB + "return np.clip(0, best + self.rng.normal(0, self.step, size=len(best)), 1)": "the larger of 0 and the "
        "point, then the smaller of that and 1",
        CLIMB + "return np.clip(best - self.rng.normal(0, self.step, size=len(best)), 0, 1)": "a normal step and its "
        "opposite are equally likely",
    },
    "08.2": {
        f"{ALONE.format('axis=1', '>')} -> {ALONE.format('axis=1', '>=')}": "no two rates differ by 1.5 exactly",
        f"{ALONE.format('axis=1', '>')} -> {ALONE.format('axis=0', '>')}": "the table of factors is symmetric",
    },
}
