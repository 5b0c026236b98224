"""Right answers that differ from the solution; two or more for each exercise with code, written by hand."""

EQUIVALENTS: dict[str, list[str]] = {
    "00.1": ["import itertools\nfive_scores = [0.41, 0.90, 0.13, 0.93, 0.88]\n"
             "best_after_each = itertools.accumulate(five_scores, max)",
             "five_scores = [0.41, 0.90, 0.13, 0.93, 0.88]\nbest_after_each = np.maximum.accumulate(five_scores)"],
    "00.2": ["trials_of_the_grid = 6 * 6 * 6 * 6", "trials_of_the_grid = math.prod([6.0] * 4)"],
    "00.3": ['my_setting = dict(learning_rate=0.5, momentum=0.5, width=np.int64(90), dropout=0)',
             'my_setting = pd.Series({"learning_rate": 0.3, "momentum": 0.5, "width": 100.0, "dropout": 0.0})'],
    "01.1": ['''
BASE = TrainingConfig(epochs=3, seed=SEED)
def helper(config):
    return list(fit(config, data)[1])[2].validation_accuracy
def my_objective(t):
    settings = {"optimizer": t.suggest_categorical("optimizer", ("adam", "sgd"))}
    settings["batch_size"] = t.suggest_int("batch_size", low=16, high=256, log=True, step=1)
    settings["learning_rate"] = t.suggest_float("learning_rate", low=1e-3, high=1.0, log=True)
    return helper(replace(BASE, **settings))
''', '''
class Objective:
    def __init__(self, seed=SEED):
        self.seed = seed
    def __call__(self, trial):
        config = TrainingConfig("mlp", 32, 1, 0.0, trial.suggest_categorical("optimizer", ["sgd", "adam"]),
            trial.suggest_float("learning_rate", 0.001, 1, log=True), 0.0, 0.0,
            trial.suggest_int("batch_size", 16, 256, log=True), 3, seed=self.seed)
        model, epochs = fit(config, data)
        return np.float64(epochs[-1].validation_accuracy)
my_objective = Objective()
'''],
    "01.2": ["close_to_best = len(trials[trials.value >= trials.value.max() - 0.01])",
             "best = max(trials.value)\nclose_to_best = 0\n"
             "for value in trials.value:\n    if best - value <= 0.01:\n        close_to_best += 1"],
    "01.3": ['''
def loss_objective(trial):
    rate = trial.suggest_float("learning_rate", 1e-3, 1, log=True)
    _, epochs = fit(TrainingConfig(learning_rate=rate, epochs=2, seed=SEED), data)
    return epochs[-1].validation_loss
my_study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED), study_name="mine")
my_study.optimize(loss_objective, 12)
''', '''
class Mine(optuna.samplers.TPESampler):
    """A sampler with a helper."""
    def helper(self):
        return 1
def loss_objective(trial):
    rate = trial.suggest_float("learning_rate", 1e-3, 1, log=True)
    _, epochs = fit(TrainingConfig(learning_rate=rate, epochs=2, seed=SEED), data)
    trial.set_user_attr("accuracy", epochs[-1].validation_accuracy)
    return float(epochs[-1].validation_loss)
my_study = optuna.create_study(direction=optuna.study.StudyDirection.MINIMIZE, sampler=Mine(seed=SEED))
for _ in range(3):
    my_study.optimize(loss_objective, n_trials=4)
'''],
    "04.1": ['''
def good_group(values):
    ranked = sorted(range(len(values)), key=lambda number: values[number])
    return ranked[: min(-(-len(values) // 10), 25)]
''', '''
def good_group(v):
    n = len(v)
    count = n // 10 + (n % 10 > 0)
    border = np.sort(v)[min(count, 25) - 1]
    return {i for i, value in enumerate(v) if value <= border}
''', '''
def good_group(values):
    return pd.Series(values).nsmallest(min(math.ceil(len(values) / 10), 25)).index
'''],
    "04.2": ['''
def expected_improvement(mean, sigma, best):
    gap = best - mean
    return gap * norm.cdf(best, loc=mean, scale=sigma) + sigma ** 2 * norm.pdf(best, loc=mean, scale=sigma)
''', '''
def expected_improvement(mu, s, least):
    z = np.array((least - mu) / s)
    cdf = 0.5 * math.erfc(-z / math.sqrt(2))
    return s * z * cdf + s * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
'''],
    "04.3": ['''
def next_mean(points, values):
    total, weights = np.zeros(2), [math.log(3.5) - math.log(k) for k in (1, 2, 3)]
    for weight, (_, row) in zip(weights, sorted(zip(values, range(len(values))))[:3]):
        total = total + weight / sum(weights) * points[row]
    return tuple(total)
''', '''
def next_mean(points, values):
    weights = np.log(3.5) - np.log(np.arange(3) + 1)
    return np.average(points[values.argsort()][:3], axis=0, weights=weights)
'''],
}  # fmt: skip
