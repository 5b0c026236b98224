"""Solutions of notebook 06. Each stands in the place of the dots; `check` is called by the notebook."""


# Exercise 06.1
class GapPruner(BasePruner):
    def __init__(self, gap=0.2):
        self.gap = gap

    def prune(self, study, trial):
        done = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        step = trial.last_step
        there = [other.intermediate_values[step] for other in done if step in other.intermediate_values]
        return bool(there) and trial.intermediate_values[step] < max(there) - self.gap


# Exercise 06.2
def report_epoch(trial, value, step=None):
    given = step is not None
    if given:
        trial.report(value, step)


# Exercise 06.3
def accurate(trial, curve):
    for epoch in curve:
        trial.report(epoch.validation_accuracy, step=epoch.number + 1)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return epoch.validation_accuracy


# Exercise 06.4
def one_goal(trial, curve, weights):
    trial.set_constraint("weights", weights - 5000)
    for epoch in curve:
        trial.report(epoch.validation_accuracy, step=epoch.number + 1)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return epoch.validation_accuracy


# Exercise 06.5
def repeatable_study(seed):
    return optuna.create_study(
        study_name="repeatable", direction="maximize", sampler=RandomSampler(seed=seed),
        pruner=HyperbandPruner(max_resource=27),
    )  # fmt: skip


# Exercise 06.6
def best_number(trials):
    completed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return max(completed, key=lambda trial: trial.value).number


# Exercise 06.7
watchful = ThresholdPruner(lower=0.2, n_warmup_steps=5)


# Exercise 06.8
def mean_of_folds(trial, scores_of_folds):
    scores = []
    for fold, score in enumerate(scores_of_folds):
        scores.append(score)
        trial.report(score, step=fold)
        if trial.should_prune():
            return float(np.mean(scores))
    return float(np.mean(scores))


# Exercise 06.9
epochs_in_all = 64 * 1 + 16 * 3 + 4 * 12
