"""Solutions of notebook 11. Each stands in the place of the dots; `check` is called by the notebook."""

# Exercise 11.1
training_py = """
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split


def load_data(seed):
    images, labels = load_digits(return_X_y=True)
    rest, test, rest_labels, test_labels = train_test_split(images / 16, labels, test_size=360, random_state=seed)
    train, validation, train_labels, validation_labels = train_test_split(
        rest, rest_labels, test_size=360, random_state=seed
    )
    return {"train": (train, train_labels), "validation": (validation, validation_labels), "test": (test, test_labels)}


def train(config, data, seed):
    model = SGDClassifier(loss="log_loss", learning_rate="constant", random_state=seed, **config)
    for _ in range(5):
        model.partial_fit(*data["train"], classes=range(10))
        yield model.score(*data["validation"])
"""
search_py = """
import optuna

from project.training import load_data, train


def search(trials, seed):
    data = load_data(seed)

    def objective(trial):
        config = {
            "alpha": trial.suggest_float("alpha", 1e-6, 0.1, log=True),
            "eta0": trial.suggest_float("eta0", 1e-3, 10, log=True),
        }
        for epoch, accuracy in enumerate(train(config, data, seed)):
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    sampler, pruner = optuna.samplers.TPESampler(seed=seed), optuna.pruners.MedianPruner()
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=trials)
    return study
"""
parts = {"training.py": training_py, "search.py": search_py}


# Exercise 11.2
def seeded_study(seed):
    study = optuna.create_study(sampler=TPESampler(seed=seed))
    study.optimize(draw, n_trials=12)
    return study


# Exercise 11.3
def evening(storage, seed):
    study = optuna.create_study(study_name="evenings", storage=storage, load_if_exists=True)
    done = len(study.trials)
    study.sampler = RandomSampler(seed=int(np.random.SeedSequence([seed, done]).generate_state(1)[0]))
    study.optimize(draw, n_trials=min(10, 25 - done))
    return study


# Exercise 11.4
def layers(trial):
    meaning = {"32": (32,), "64-32": (64, 32), "64-64": (64, 64)}
    return meaning[trial.suggest_categorical("layers", list(meaning))]


# Exercise 11.5
def make_objective(seed):
    split = np.random.default_rng(seed).permutation(150)
    learn, judge = split[:100], split[100:]

    def objective(trial):
        model = KNeighborsClassifier(n_neighbors=trial.suggest_int("n_neighbors", 1, 30))
        return model.fit(small_images[learn], small_labels[learn]).score(small_images[judge], small_labels[judge])

    return objective


# Exercise 11.6
def enqueue_checked(study, params, space):
    for name, value in params.items():
        if name not in space:
            raise ValueError(f"The search space has no {name!r}: choose from {', '.join(space)}.")
        low, high = space[name]
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}: choose from {low} to {high}.")
    study.enqueue_trial(params)


# Exercise 11.7
def careful(trial):
    loss = diverging(trial)
    return loss if np.isfinite(loss) else 100.0


# Exercise 11.8
def deliver(study):
    def broken_by(trial):
        return sum(max(0, amount) for amount in trial.constraints.values())

    finished = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    return min(finished, key=lambda trial: (broken_by(trial), -trial.value))


# Exercise 11.9
def patient(objective):
    study = optuna.create_study()
    study.optimize(objective, n_trials=20, catch=(MemoryError,))
    return study
