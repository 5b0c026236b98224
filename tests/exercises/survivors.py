"""Mutants that mean the same as the solution, each with the reason; `test_mutants` holds the list true."""

WIDE = "my_setting = {'learning_rate': 0.3, 'momentum': 0.5, 'width': 100, 'dropout': 0.0} -> my_setting = "
GOOD = "this setting reaches 0.9, too"
ALONE = "lonely.choose(*[int(number) for number in np.flatnonzero(factors.min({}) {} 1.5)])"
DONE = "study.get_trials({}states=[TrialState.COMPLETE])"
RUNNING = "study.get_trials({}states=[TrialState.RUNNING])"
COPY = "a copy of the trials says the same"
RACE = (
    "my_race = race(find_function('branin'), {{name: entrants[name] for name in ('Random', 'QMC')}}, trials={}, "
    "seeds=SEEDS)"
)

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
    "08.2": {
        f"{ALONE.format('axis=1', '>')} -> {ALONE.format('axis=1', '>=')}": "no two rates differ by 1.5 exactly",
        f"{ALONE.format('axis=1', '>')} -> {ALONE.format('axis=0', '>')}": "the table of factors is symmetric",
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
        f"for trial in {RUNNING.format('deepcopy=False, ')}: -> for trial in {RUNNING.format(copied)}:": COPY
        for copied in ("", "deepcopy=True, ")
    }
    | {
        "study.tell(trial.number, state=TrialState.FAIL) -> study.tell(trial.number)": "told nothing, a trial fails",
    },
    "07.4": {
        "mixed = np.random.SeedSequence([seed, worker]).generate_state(1)[0] -> "
        f"mixed = np.random.SeedSequence([seed, worker]).generate_state({rest}": "the same number of the sequence"
        for rest in ("1)[-1]", "2)[0]")
    },
    "10.1": dict.fromkeys(
        (
            "return TrainingConfig(model='cnn', epochs=10, optimizer=optimizer, learning_rate=trial.suggest_float"
            "('learning_rate', 0.001, 0.1, log=True), schedule=trial.suggest_categorical('schedule', ['constant',"
            " 'cosine']), momentum=trial.suggest_float('momentum', 0, 0.95) if optimizer == 'sgd' else 0.0) -> re"
            "turn TrainingConfig(model='cnn', optimizer=optimizer, learning_rate=trial.suggest_float('learning_ra"
            "te', 0.001, 0.1, log=True), schedule=trial.suggest_categorical('schedule', ['constant', 'cosine']), "
            "momentum=trial.suggest_float('momentum', 0, 0.95) if optimizer == 'sgd' else 0.0)",
        ),
        "10 epochs are what a configuration has by itself",
    ),
    "10.3": dict.fromkeys(
        (
            "return min(good, key=lambda trial: (trial.values[1], trial.values[0])) -> return min(good, key=lambd"
            "a trial: (trial.values[1],))",
            "return min(good, key=lambda trial: (trial.values[1], trial.values[0])) -> return min(good, key=lambd"
            "a trial: (trial.values[1], trial.values[1]))",
            "return min(good, key=lambda trial: (trial.values[1], trial.values[0])) -> return min(good, key=lambd"
            "a trial: (trial.values[1], trial.values[-1]))",
        ),
        "of the best trials no two have as many parameters and other errors",
    ),
    "10.4": dict.fromkeys(
        (
            "for trial, accuracy in zip(trials, accuracies, strict=True): -> for trial, accuracy in zip(trials, a"
            "ccuracies):",
            "for trial, accuracy in zip(trials, accuracies, strict=True): -> for trial, accuracy in zip(trials, a"
            "ccuracies, strict=False):",
            "study.tell(trial, state=optuna.trial.TrialState.FAIL) -> study.tell(trial)",
        ),
        "train_many returns as many as it was given; told nothing, a trial fails",
    ),
    "11.2": dict.fromkeys(
        (
            "study = optuna.create_study(sampler=TPESampler(seed=seed)) -> study = optuna.create_study(sampler=Ra"
            "ndomSampler(seed=seed))",
        ),
        "any seeded sampler repeats",
    ),
    "11.3": dict.fromkeys(
        (
            "study.sampler = RandomSampler(seed=int(np.random.SeedSequence([seed, done]).generate_state(1)[0])) -"
            "> study.sampler = TPESampler(seed=int(np.random.SeedSequence([seed, done]).generate_state(1)[0]))",
            "study = optuna.create_study(study_name='evenings', storage=storage, load_if_exists=True) -> study = "
            "optuna.create_study(study_name='eveningsx', storage=storage, load_if_exists=True)",
            "study.sampler = RandomSampler(seed=int(np.random.SeedSequence([seed, done]).generate_state(1)[0])) -"
            "> study.sampler = RandomSampler(seed=int(np.random.SeedSequence([seed, done]).generate_state(1)[-1])"
            ")",
            "study.sampler = RandomSampler(seed=int(np.random.SeedSequence([seed, done]).generate_state(1)[0])) -"
            "> study.sampler = RandomSampler(seed=int(np.random.SeedSequence([seed, done]).generate_state(2)[0]))",
        ),
        "any seeded sampler, name and number of the sequence repeats",
    ),
    "11.4": dict.fromkeys(
        (
            "meaning = {'32': (32,), '64-32': (64, 32), '64-64': (64, 64)} -> meaning = {'32x': (32,), '64-32': ("
            "64, 32), '64-64': (64, 64)}",
            "meaning = {'32': (32,), '64-32': (64, 32), '64-64': (64, 64)} -> meaning = {'32': (32,), '64-32x': ("
            "64, 32), '64-64': (64, 64)}",
            "meaning = {'32': (32,), '64-32': (64, 32), '64-64': (64, 64)} -> meaning = {'32': (32,), '64-32': (6"
            "4, 32), '64-64x': (64, 64)}",
            "return meaning[trial.suggest_categorical('layers', list(meaning))] -> return meaning[trial.suggest_c"
            "ategorical('layersx', list(meaning))]",
        ),
        "the words are the learner's own",
    ),
    "11.5": dict.fromkeys(
        (
            "split = np.random.default_rng(seed).permutation(150) -> split = np.random.default_rng(seed).permutat"
            "ion(149)",
            "learn, judge = (split[:100], split[100:]) -> learn, judge = (split[:99], split[100:])",
            "learn, judge = (split[:100], split[100:]) -> learn, judge = (split[:100], split[101:])",
            "model = KNeighborsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 1, 30)) -> model = KNeighb"
            "orsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 2, 30))",
            "model = KNeighborsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 1, 30)) -> model = KNeighb"
            "orsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 0, 30))",
            "model = KNeighborsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 1, 30)) -> model = KNeighb"
            "orsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 1, 31))",
            "model = KNeighborsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 1, 30)) -> model = KNeighb"
            "orsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 1, 29))",
            "model = KNeighborsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 1, 30)) -> model = KNeighb"
            "orsClassifier(n_neighbors=trial.suggest_int('n_neighbors', 1, 60))",
        ),
        "sizes of the parts and the range are the learner's own",
    ),
    "11.7": dict.fromkeys(
        (
            "return loss if np.isfinite(loss) else 100.0 -> return loss if np.isfinite(loss) else 101.0",
            "return loss if np.isfinite(loss) else 100.0 -> return loss if np.isfinite(loss) else 99.0",
            "return loss if np.isfinite(loss) else 100.0 -> return loss if np.isfinite(loss) else 200.0",
        ),
        "any finite loss from 1 on keeps the sampler away",
    ),
    "03.3": {
        "verdict = paired_tests(my_race)['better'][0] or 'neither' -> "
        "verdict = paired_tests(my_race)['better'][0] or 'neitherx'": "these seeds have a winner",
        f"{RACE.format(60)} -> {RACE.format(61)}": "one trial more or less has the same winner",
        f"{RACE.format(60)} -> {RACE.format(59)}": "one trial more or less has the same winner",
    },
}
