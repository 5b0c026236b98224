"""Mutants that mean the same as the solution, each with the reason; `test_mutants` holds the list true."""

WIDE = "my_setting = {'learning_rate': 0.3, 'momentum': 0.5, 'width': 100, 'dropout': 0.0} -> my_setting = "
GOOD = "this setting reaches 0.9, too"
DONE = "study.get_trials({}states=[TrialState.COMPLETE])"
SMALLEST = "return min(good, key=lambda trial: ({}))"
TOLD = "for trial, accuracy in zip(trials, accuracies{}):"
EVENING = "study.sampler = {}(seed=int(np.random.SeedSequence([seed, done]).generate_state({}))"
COPY = "a copy of the trials says the same"
RACE = (
    "my_race = race(find_function('branin'), {{name: entrants[name] for name in ('Random', 'QMC')}}, trials={}, "
    "seeds=SEEDS)"
)
VERDICT = "verdict = 'better' if found{} else '{}{} else '{}'"
WORDS = ("['low'] > 0", "worse' if ", "found['high'] < 0", "not decided")

SURVIVORS: dict[str, dict[str, str]] = {
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
            ("step = 0.1 -> step = 1.1", "step = 0.1 -> step = 0.2"),
            "how long a step is, is for the learner to play with; the check sets lengths of its own",
        ),
        "return np.clip(best + move, 0, 1) -> return np.clip(0, best + move, 1)": "the larger of 0 and the point, then "
        "the smaller of that and 1",
    },
    "06.1": {
        **dict.fromkeys(
            [f"def __init__(self, gap=0.2): -> def __init__(self, gap={gap}):" for gap in (1.2, -0.8, 0.4)],
            "each study may set a gap of its own; the check does",
        ),
        f"done = {DONE.format('deepcopy=False, ')} -> done = {DONE.format('')}": COPY,
        f"done = {DONE.format('deepcopy=False, ')} -> done = {DONE.format('deepcopy=True, ')}": COPY,
    },
    "06.4": {
        "epochs_in_all = 64 * 1 + 16 * 3 + 4 * 12 -> epochs_in_all = 64 / 1 + 16 * 3 + 4 * 12": "64 / 1 is 64",
    },
    "07.2": {
        "each = (100 - 60) // 4 -> each = (100 - 60) / 4": "10.0 is 10",
        "each = (100 - 60) // 4 -> each = (101 - 60) // 4": "rounded down it is 10, too",
        "each = (100 - 60) // 4 -> each = (100 - 59) // 4": "rounded down it is 10, too",
    },
    "07.3": {
        "mixed = np.random.SeedSequence([seed, worker]).generate_state(1)[0] -> "
        f"mixed = np.random.SeedSequence([seed, worker]).generate_state({rest}": "the same number of the sequence"
        for rest in ("1)[-1]", "2)[0]")
    },
    "10.1": {"return None -> pass": "a function that ends without a value gives None"},
    "10.2": {
        f"{SMALLEST.format('trial.values[1], trial.values[0]')} -> {SMALLEST.format(key)}": "of the best trials no two "
        "have as many parameters and other errors"
        for key in ("trial.values[1],", "trial.values[1], trial.values[1]", "trial.values[1], trial.values[-1]")
    },
    "10.3": {
        f"{TOLD.format(', strict=True')} -> {TOLD.format('')}": "as many come as were given",
        f"{TOLD.format(', strict=True')} -> {TOLD.format(', strict=False')}": "as many come as were given",
        "study.tell(trial, state=optuna.trial.TrialState.FAIL) -> study.tell(trial)": "told nothing, a trial fails",
    },
    "11.2": {
        f"{EVENING.format('RandomSampler', '1)[0]')} -> {EVENING.format(sampler, number)}": "any seeded sampler "
        "and any number of the sequence repeats"
        for sampler, number in (("TPESampler", "1)[0]"), ("RandomSampler", "1)[-1]"), ("RandomSampler", "2)[0]"))
    },
    "03.3": {
        f"{VERDICT.format(*WORDS)} -> {VERDICT.format(*words)}": "these seeds say better, and no interval ends at 0"
        for words in (
            ("['low'] >= 0", *WORDS[1:]),
            ("['low'] > -1", *WORDS[1:]),
            *((WORDS[0], "worse' if ", f"found['high'] {end}", WORDS[3]) for end in ("<= 0", "> 0", "< 1", "< -1")),
            (WORDS[0], "worse' if not ", *WORDS[2:]),
            (WORDS[0], "worsex' if ", *WORDS[2:]),
            (*WORDS[:2], "found['highx'] < 0", WORDS[3]),
            (*WORDS[:3], "not decidedx"),
        )
    }
    | {f"{RACE.format(60)} -> {RACE.format(trials)}": "one trial more or less says the same" for trials in (59, 61)},
}
