"""Right answers that differ from the solution; two or more for each exercise with code, written by hand."""

EQUIVALENTS: dict[str, list[str]] = {
    "00.1": [
        "import itertools\nbest_after_each = itertools.accumulate([0.41, 0.90, 0.13, 0.93, 0.88], max)",
        "best_after_each = np.maximum.accumulate([0.41, 0.90, 0.13, 0.93, 0.88])",
        "best_after_each = pd.Series([0.41, 0.90, 0.13, 0.93, 0.88], index=list('abcde')).cummax()",
    ],
    "00.2": [
        "trials_of_the_grid = 6 * 6 * 6 * 6",
        "trials_of_the_grid = math.prod([6.0] * 4)",
        "trials_of_the_grid = [1296]",
    ],
    "00.3": [
        "my_setting = dict(learning_rate=0.5, momentum=0.5, width=np.int64(90), dropout=0)",
        'my_setting = pd.Series({"learning_rate": 0.3, "momentum": 0.5, "width": 100.0, "dropout": 0.0})',
    ],
    "01.1": [
        """
BASE = TrainingConfig(epochs=3, seed=SEED)
def helper(config):
    return list(fit(config, data)[1])[2].validation_accuracy
def my_objective(t):
    settings = {"optimizer": t.suggest_categorical("optimizer", ("adam", "sgd"))}
    settings["batch_size"] = t.suggest_int("batch_size", low=16, high=256, log=True, step=1)
    settings["learning_rate"] = t.suggest_float("learning_rate", low=1e-3, high=1.0, log=True)
    return helper(replace(BASE, **settings))
""",
        """
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
""",
    ],
    "01.2": [
        "close_to_best = len(trials[trials.value >= trials.value.max() - 0.01])",
        "close_to_best = (trials[['value']] >= trials['value'].max() - 0.01).sum()",
        "best = max(trials.value)\nclose_to_best = 0\n"
        "for value in trials.value:\n    if best - value <= 0.01:\n        close_to_best += 1",
    ],
    "01.3": [
        """
def loss_objective(trial):
    rate = trial.suggest_float("learning_rate", 1e-3, 1, log=True)
    _, epochs = fit(TrainingConfig(learning_rate=rate, epochs=2, seed=SEED), data)
    return epochs[-1].validation_loss
my_study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED), study_name="mine")
my_study.optimize(loss_objective, 12)
""",
        '''
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
''',
    ],
    "01.4": ["answer = '(B)'", "answer = ['b.']"],
    "04.4": ["answer = ' b)'", "answer = {'b'}"],
    "05.3": ["answer = 'c:'", "answer = np.array(['c'])"],
    "04.1": [
        """
def good_group(values):
    ranked = sorted(range(len(values)), key=lambda number: values[number])
    return ranked[: min(-(-len(values) // 10), 25)]
""",
        """
def good_group(v):
    n = len(v)
    count = n // 10 + (n % 10 > 0)
    border = np.sort(v)[min(count, 25) - 1]
    return {i for i, value in enumerate(v) if value <= border}
""",
        """
def good_group(values):
    return pd.Series(values).nsmallest(min(math.ceil(len(values) / 10), 25)).index
""",
    ],
    "04.2": [
        """
def expected_improvement(mean, sigma, best):
    gap = best - mean
    return gap * norm.cdf(best, loc=mean, scale=sigma) + sigma ** 2 * norm.pdf(best, loc=mean, scale=sigma)
""",
        """
def expected_improvement(mu, s, least):
    z = np.array((least - mu) / s)
    cdf = 0.5 * math.erfc(-z / math.sqrt(2))
    return s * z * cdf + s * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
""",
    ],
    "04.3": [
        """
def next_mean(points, values):
    w = np.log(3.5) - np.log([1, 2, 3])
    best_three = points[np.argsort(values)[:3], ...]
    return np.einsum("i,ij->j", w / np.sum(w), best_three)
""",
        """
def next_mean(points, values):
    weights = pd.Series([math.log(3.5 / k) for k in (1, 2, 3)])
    frame = pd.DataFrame(points).assign(value=values).sort_values("value").head(3).drop(columns="value")
    return frame.reset_index(drop=True).mul(weights / weights.sum(), axis=0).sum()
""",
        """
def next_mean(points, values):
    total, weights = np.zeros(2), [math.log(3.5) - math.log(k) for k in (1, 2, 3)]
    for weight, (_, row) in zip(weights, sorted(zip(values, range(len(values))))[:3]):
        total = total + weight / sum(weights) * points[row]
    return tuple(total)
""",
        """
def next_mean(points, values):
    weights = np.log(3.5) - np.log(np.arange(3) + 1)
    return np.average(points[values.argsort()][:3], axis=0, weights=weights)
""",
    ],
    "02.1": [
        """
def repaired_1(t):
    return t.suggest_categorical(name="width", choices=(128, 64, 32, 16))
""",
        """
def repaired_1(trial):
    return trial.suggest_categorical("width", np.array([16, 32, 64, 128]))
""",
        """
class Repaired:
    widths = np.array([16, 32, 64, 128])
    def __call__(self, trial):
        return trial.suggest_categorical("width", self.widths.tolist())
repaired_1 = Repaired()
""",
    ],
    "02.2": [
        """
def repaired_2(trial):
    if not trial.suggest_categorical("use_decay", [False, True]):
        return 0
    return np.float64(trial.suggest_float("weight_decay", low=0.000001, high=0.01, log=True))
""",
        """
def decay(trial):
    return trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)
def repaired_2(trial):
    weight_decay = 0.0
    if trial.suggest_categorical("use_decay", (True, False)) is True:
        weight_decay = decay(trial)
    return weight_decay
""",
    ],
    "02.3": [
        """
def repaired_3(trial):
    return (trial.suggest_int(f"width_{n}", 8, 64) for n in range(trial.suggest_int("depth", 1, 3)))
""",
        """
def repaired_3(trial):
    depth = trial.suggest_int("depth", 1, 3)
    return pd.Series({f"width_{n}": trial.suggest_int(f"width_{n}", 8, 64) for n in range(depth)})
""",
        """
def repaired_3(trial):
    widths = []
    for layer in range(trial.suggest_int("depth", 1, 3)):
        widths.append(trial.suggest_int("width_" + str(layer), 8, 64, step=1))
    return np.array(widths)
""",
        """
def repaired_3(trial):
    depth = trial.suggest_int("depth", 1, 3)
    def width(layer):
        return trial.suggest_int("width_%d" % layer, low=8, high=64)
    return tuple(map(width, range(depth)))
""",
    ],
    "02.4": [
        """
LIMIT = 1280
def frugal(trial):
    used = trial.suggest_int("batch_size", 16, 512, log=True) * trial.suggest_int("epochs", 1, 20)
    trial.set_constraint("budget", used / LIMIT - 1)
    return float(used)
""",
        """
def frugal(trial):
    epochs = trial.suggest_int(low=1, high=20, name="epochs")
    product = epochs * trial.suggest_int(low=16, high=512, log=True, name="batch_size")
    trial.set_constraint("budget", max(0, product - 1280))
    return product
""",
    ],
    "03.2": [
        """
def repeats(trials, matters):
    return pd.DataFrame(trials)[matters].duplicated().sum()
""",
        """
def repeats(trials, matters):
    count, seen = 0, []
    for trial in trials:
        key = [trial[name] for name in matters]
        count += key in seen
        seen.append(key)
    return count
""",
        """
def repeats(trials, matters):
    if not trials:
        return 0
    return pd.DataFrame(trials).duplicated(subset=list(matters)).sum()
""",
    ],
    "03.3": ["verdict = ' Better '", "verdict = pd.Series({'QMC': 'better'})"],
    "03.1": [
        'my_choice = {"A": " gp", "b": "cma-es", "c": "tpe"}',
        'my_choice = dict(c="TPE", b="CMA-ES", a="GP")',
        'my_choice = {"(a)": "GP sampler", "(b)": CmaEsSampler, "(c)": [TPESampler(seed=SEED)]}',
        'my_choice = pd.Series({"a": "GPSampler", "b": "CMAES", "c": "TPESampler()"})',
    ],
    "05.1": [
        """
class HillClimber(CubeSampler):
    step = 0.2
    def __init__(self, seed=None):
        super().__init__(seed)
        self.low, self.high = 0.0, 1.0
    def fold(self, point):
        return np.minimum(np.maximum(point, self.low), self.high)
    def propose(self, points, losses):
        best = points[list(losses).index(min(losses))]
        return self.fold(best + self.step * self.rng.standard_normal(best.shape))
""",
        """
class HillClimber(CubeSampler):
    step, low = 0.1, 0
    def propose(self, p, l):
        point = []
        for x in p[np.argsort(l)[0]]:
            point.append(min(max(x + self.rng.normal(scale=self.step), self.low), 1))
        return point
""",
    ],
    "05.2": [
        """
def best_candidate(candidates, good, rest):
    return candidates[np.argmin(rest / good), ...]
""",
        """
def best_candidate(candidates, good, rest):
    ratio = np.log(good) - np.log(rest)
    return candidates[ratio.argmax()]
""",
        """
def best_candidate(candidates, l, g):
    ranked = sorted(range(len(candidates)), key=lambda n: g[n] / l[n])
    return list(candidates[ranked[0]])
""",
    ],
    "08.1": [
        """
all_values = [trial.value for trial in down.trials]
incumbents = np.flatnonzero(all_values < np.minimum.accumulate([np.inf, *all_values])[:-1])
""",
        """
best, incumbents = math.inf, set()
for trial in down.trials:
    if trial.value < best:
        best = trial.value
        incumbents.add(float(trial.number))
""",
    ],
    "08.2": [
        """
def hours_by_state(frame):
    hours = (frame.datetime_complete - frame.datetime_start).dt.total_seconds() / 3600
    return hours.groupby(frame["state"]).sum()
""",
        """
def hours_by_state(frame):
    found = {}
    for state, part in frame.dropna(subset=["duration"]).groupby("state"):
        found[state] = sum(time / pd.Timedelta("1h") for time in part["duration"])
    return pd.Series(found, name="hours")
""",
    ],
    "08.3": [
        'what_it_tells = {"plot_edf": "Hollow", "plot_contour": "useful ", "plot_timeline": "useful", '
        '"plot_optimization_history": "USEFUL"}',
        "what_it_tells = dict(plot_optimization_history='useful', "
        "plot_timeline='useful', plot_contour='useful', plot_edf='hollow')",
    ],
    "09.1": [
        """
def divergence(shares_all, shares_best):
    total = 0
    for a, b in zip(shares_all, shares_best):
        total += (b - a) ** 2 / a
    return total
""",
        """
def divergence(p, q):
    return np.average((q / p - 1) ** 2, weights=p) * p.sum()
""",
    ],
    "09.2": [
        """
def seconds(trial):
    return 0 - trial.user_attrs["seconds"]
def importances_for_slow(study):
    return optuna.importance.get_param_importances(study, target=seconds)
""",
        """
def importances_for_slow(study):
    found = get_param_importances(study, target=lambda trial: -2 * trial.user_attrs.get("seconds"), normalize=False)
    return pd.Series(found)
""",
        """
def importances_for_slow(study):
    return PedAnovaImportanceEvaluator().evaluate(study, target=lambda trial: 1 / trial.user_attrs["seconds"])
""",
        """
def importances_for_slow(study):
    slow = optuna.create_study(direction="maximize")
    for t in study.trials:
        values = {"value": t.user_attrs["seconds"], "params": t.params, "distributions": t.distributions}
        slow.add_trial(optuna.trial.create_trial(**values))
    return get_param_importances(slow)
""",
    ],
    "09.3": [
        """
def above_noise(shares):
    low, high = shares.quantile(0.05), shares.quantile(0.95)
    return low[low > high["dummy"]].index
""",
        """
def above_noise(shares):
    noise, names = np.percentile(shares["dummy"], 95), set()
    for name in shares:
        if name != "dummy" and np.percentile(shares[name], 5) > noise:
            names.add(name)
    return names
""",
    ],
    "12.1": [
        """
def spent(trials):
    total = 0
    for trial in trials:
        total += max(trial.intermediate_values, default=0)
    return total
""",
        """
def spent(trials):
    steps = [trial.last_step for trial in trials if trial.last_step is not None]
    return np.sum(steps, dtype=float)
""",
    ],
    "12.2": [
        """
def pick(runs):
    wide = runs.pivot(index="config", columns="seed", values="accuracy").dropna()
    return wide.mean(axis=1).idxmax()
""",
        """
def pick(runs):
    best, winner = -1, None
    for name in set(runs["config"]):
        values = runs.loc[runs.config == name, "accuracy"].tolist()
        if len(values) >= 3 and sum(values) > best:
            best, winner = sum(values), name
    return winner
""",
    ],
    "12.3": [
        """
def again(study, best):
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    done.sort(key=lambda trial: -trial.value)
    for seed in range(1, 3):
        for trial in done[:best]:
            study.enqueue_trial(dict(trial.params), user_attrs=dict(seed=seed, again=True))
    return done[:best]
""",
        """
def again(study, best):
    table = study.trials_dataframe()
    table = table[table.state == "COMPLETE"].nlargest(best, "value")
    [study.enqueue_trial(study.trials[n].params, user_attrs={"seed": s}) for n in table.number for s in (1, 2)]
""",
        """
def again(study, best):
    done = [t for t in study.trials if t.state == TrialState.COMPLETE]
    values = np.array([t.value for t in done])
    for place in np.argsort(-values)[:best]:
        for seed in np.arange(1, 3):
            waiting = {"state": TrialState.WAITING, "system_attrs": {"fixed_params": done[place].params}}
            study.add_trial(optuna.trial.create_trial(**waiting, user_attrs={"seed": int(seed)}))
""",
    ],
    "06.1": [
        """
class GapPruner(BasePruner):
    margin = 0
    def __init__(self, gap=0.3):
        self.gap = gap
    def best_there(self, study, step):
        best = -math.inf
        for other in study.trials:
            if other.state == TrialState.COMPLETE:
                best = max(best, other.intermediate_values.get(step, -math.inf))
        return best
    def prune(self, study, trial):
        step = max(trial.intermediate_values)
        return np.bool_(trial.intermediate_values[step] + self.gap + self.margin < self.best_there(study, step))
""",
        """
class GapPruner(BasePruner):
    def __init__(self, gap=0.2):
        self.gap = gap
    def prune(self, study, trial):
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        there = pd.Series([t.intermediate_values.get(trial.last_step) for t in done], dtype=float).dropna()
        if there.empty:
            return
        return there.max() - trial.intermediate_values[trial.last_step] > self.gap
""",
    ],
    "06.2": [
        """
def accurate(trial, curve):
    for number, value in pd.DataFrame(curve)[["number", "validation_accuracy"]].itertuples(index=False):
        trial.report(value, number + 1)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return value
""",
        """
def accurate(t, epochs):
    for number, epoch in enumerate(epochs, start=1):
        value = epoch.validation_accuracy
        t.report(value, number)
        if t.should_prune():
            raise optuna.exceptions.TrialPruned("enough")
    return value
""",
        """
def tell(trial, epoch):
    trial.report(step=1 + epoch.number, value=epoch.validation_accuracy)
    if trial.should_prune():
        raise optuna.TrialPruned
def accurate(trial, curve):
    [tell(trial, epoch) for epoch in curve]
    trial.set_user_attr("epochs", len(curve))
    return curve[-1].validation_accuracy
""",
    ],
    "06.3": [
        'pruner_for = {"A": " wilcoxon", "b": "threshold", "c": "HYPERBAND"}',
        'pruner_for = dict(zip("cba", ["HyperbandPruner", "ThresholdPruner", "WilcoxonPruner"]))',
        'pruner_for = {"a": WilcoxonPruner(), "b": "Threshold pruner", "c": HyperbandPruner}',
    ],
    "06.4": ["epochs_in_all = np.dot([64, 16, 4], [1, 3, 12])", "epochs_in_all = '160' and 160.0"],
    "07.1": [
        'choice = {"a": "In Memory", "b": "JOURNAL file", "c": "postgresql", "d": " grpc proxy"}',
        'choice = dict(zip("dcba", ["gRPC proxy", "PostgreSQL", "journal file", "in memory"]))',
    ],
    "07.2": ["each = math.ceil((100 - 60) / 4)", "each = np.array(10)"],
    "07.3": [
        "def make_sampler(seed, worker):\n    return TPESampler(seed=1000 * seed + worker)",
        """
class Mine(TPESampler):
    pass
def make_sampler(seed, worker):
    return Mine(n_startup_trials=10, seed=int(np.random.default_rng([worker, seed]).integers(2**32)))
""",
        """
import zlib
def make_sampler(seed, worker):
    return TPESampler(seed=zlib.crc32(f"{seed}-{worker}".encode()), multivariate=True, n_startup_trials=20)
""",
        """
def make_sampler(seed, worker):
    return TPESampler(seed=[seed, worker])
""",
    ],
    "07.4": [
        """
def join(storage, name, direction):
    if name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=name, storage=storage)
        if study.direction.name != direction.upper():
            raise ValueError("another direction")
        return study
    return optuna.create_study(storage=storage, study_name=name, direction=direction)
""",
        """
class WrongWay(ValueError):
    pass
def join(storage, name, direction):
    wanted = optuna.study.StudyDirection[direction.upper()]
    study = optuna.create_study(storage=storage, study_name=name, direction=wanted, load_if_exists=True)
    if study.direction is not wanted:
        raise WrongWay(f"{name} goes the other way")
    return study
""",
        """
def join(storage, name, direction):
    try:
        return optuna.create_study(storage=storage, study_name=name, direction=direction)
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(study_name=name, storage=storage)
    fits = {1: "minimize", 2: "maximize"}[study.direction.value] == direction
    if fits:
        return study
    raise ValueError("Falsche Richtung.") from None
""",
    ],
    "10.1": [
        """
def read(paths):
    for path in paths:
        try:
            yield torch.load(str(path), map_location="cpu", weights_only=True)
        except Exception:
            continue
def newest(paths):
    return next(read(paths), None)
""",
        """
def newest(files):
    held = None
    for path in reversed(files):
        try:
            held = torch.load(path)
        except Exception as error:
            continue
    return held
""",
        """
from contextlib import suppress
def newest(paths):
    if not paths:
        return None
    with suppress(Exception), open(paths[0], "rb") as file:
        return torch.load(file)
    return newest(paths[1:])
""",
    ],
    "10.2": [
        """
def smallest_good(study, tolerance):
    table = study.trials_dataframe()
    table = table[table["state"] == "COMPLETE"]
    table = table[table["values_0"] <= table["values_0"].min() + tolerance]
    return study.trials[table.sort_values(["values_1", "values_0"])["number"].iloc[0]]
""",
        """
def smallest_good(study, tolerance):
    done = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    done.sort(key=lambda t: t.values[0])
    good = [t for t in done if t.values[0] - done[0].values[0] <= tolerance]
    return sorted(good, key=lambda t: t.values[1])[0]
""",
        """
def smallest_good(study, tolerance):
    trials = [t for t in study.trials if t.values]
    values = np.array([t.values for t in trials])
    good = np.flatnonzero(values[:, 0] <= values[:, 0].min() + tolerance)
    return trials[good[np.lexsort((values[good, 0], values[good, 1]))[0]]]
""",
    ],
    "10.3": [
        """
def run_batch(study, train_many, size):
    space = {"learning_rate": optuna.distributions.FloatDistribution(0.001, 1, log=True)}
    trials = [study.ask(space) for _ in range(size)]
    accuracies = torch.tensor(train_many([trial.params["learning_rate"] for trial in trials]))
    for trial, accuracy, failed in zip(trials, accuracies, accuracies.isnan()):
        if failed:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial.number, accuracy.item())
""",
        """
def run_batch(study, train_many, size):
    asked = []
    while len(asked) < size:
        trial = study.ask()
        trial.suggest_float("learning_rate", 1e-3, 1.0, log=True)
        asked.append(trial)
    accuracies = np.array(train_many(np.array([trial.params["learning_rate"] for trial in asked])))
    for trial, bad, accuracy in zip(asked, np.isnan(accuracies), accuracies):
        study.tell(trial, **({"state": optuna.trial.TrialState.FAIL} if bad else {"values": accuracy}))
""",
        """
def run_batch(study, train_many, size):
    space = {"learning_rate": optuna.distributions.FloatDistribution(0.001, 1, log=True)}
    trials = [study.ask(space) for _ in range(size)]
    for trial, value in zip(trials, train_many([t.params["learning_rate"] for t in trials])):
        if value == value:
            study.tell(trial.number, value)
        else:
            study.tell(trial.number, None, optuna.trial.TrialState.FAIL)
""",
        """
def run_batch(study, train_many, size):
    trials = [study.ask() for _ in range(size)]
    accuracies = train_many(t.suggest_float("learning_rate", 0.001, 1, log=True) for t in trials)
    for trial, accuracy in reversed(list(zip(trials, accuracies))):
        if np.isnan(accuracy):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, accuracy)
""",
    ],
    "11.2": [
        """
def evening(storage, seed):
    try:
        study = optuna.load_study(study_name="evenings", storage=storage)
    except KeyError:
        study = optuna.create_study(study_name="evenings", storage=storage)
    there = study.trials_dataframe().shape[0]
    mixed = np.random.default_rng([there, seed]).integers(2**31)
    study = optuna.load_study(study_name="evenings", storage=storage, sampler=TPESampler(seed=int(mixed)))
    for _ in range(10):
        if len(study.get_trials(deepcopy=False)) < 25:
            study.optimize(draw, n_trials=1)
    return study
""",
        """
def evening(storage, seed):
    study = optuna.create_study(study_name="evenings", storage=storage, load_if_exists=True)
    for number in range(len(study.trials), min(25, len(study.trials) + 10)):
        study.sampler = optuna.samplers.TPESampler(seed=1000 * seed + number)
        study.optimize(draw, n_trials=1)
    return study
""",
        """
def evening(storage, seed):
    study = optuna.create_study(study_name="evenings", storage=storage, load_if_exists=True)
    study.sampler = RandomSampler(seed=[seed, len(study.trials)])
    while len(study.trials) < 25:
        trial = study.ask()
        study.tell(trial, draw(trial))
        if len(study.trials) in (10, 20):
            break
    return study
""",
    ],
    "11.1": [
        """
def train(config, data, seed):
    model = SGDClassifier("log_loss", alpha=config["alpha"], eta0=config["eta0"], learning_rate="constant",
                          random_state=seed)
    images, labels = data["train"]
    epoch = 0
    while epoch < 5:
        model.partial_fit(images, labels, np.arange(10))
        yield np.mean(model.predict(data["validation"][0]) == data["validation"][1])
        epoch += 1
""",
        """
class Curve:
    def __init__(self, config, data, seed):
        self.model = SGDClassifier(loss="log_loss", learning_rate="constant", random_state=seed, **config)
        self.data, self.epochs = data, 0
    def __iter__(self):
        return self
    def __next__(self):
        if self.epochs == 5:
            raise StopIteration
        self.epochs += 1
        return self.model.partial_fit(*self.data["train"], classes=list(range(10))).score(*self.data["validation"])
def train(config, data, seed=0):
    return Curve(config, data, seed)
""",
    ],
    "11.3": [
        """
def patient(train, trial):
    fits = True
    try:
        value = train(trial)
    except torch.OutOfMemoryError as error:
        fits = False
    if not fits:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise optuna.exceptions.TrialPruned
    return value
""",
        """
def attempt(train, trial):
    try:
        return train(trial)
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError):
            raise
def patient(train, trial):
    loss = attempt(train, trial)
    if loss is not None:
        return loss
    from torch import cuda
    cuda.empty_cache()
    raise optuna.TrialPruned("too large")
""",
        """
from contextlib import suppress
def patient(train, trial):
    with suppress(torch.cuda.OutOfMemoryError):
        return train(trial)
    torch.cuda.empty_cache()
    raise optuna.TrialPruned("out of memory")
""",
        """
def patient(train, trial):
    try:
        return train(trial)
    except torch.OutOfMemoryError as error:
        message = str(error)
    torch.cuda.empty_cache()
    raise optuna.TrialPruned(message) from None
""",
    ],
}
