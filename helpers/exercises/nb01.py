"""Checks of notebook 01, first study."""

from __future__ import annotations

import math
from numbers import Integral, Real

import optuna
import pandas as pd
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.study import StudyDirection

from helpers.exercises.letters import check_letter
from helpers.exercises.spaces import compare_space
from helpers.learn.exercises import NotQuite, exercise
from helpers.learn.seed import course_seed
from helpers.training.data import load_dataset
from helpers.training.train import TrainingConfig, fit

WANTED_SPACE = {
    "learning_rate": FloatDistribution(0.001, 1, log=True),
    "batch_size": IntDistribution(16, 256, log=True),
    "optimizer": CategoricalDistribution(["sgd", "adam"]),
}


@exercise("01.1")
def objective_with_three_knobs(objective: object) -> str:
    """The search space, and the value of a real trial against the same training done here."""
    if not callable(objective):
        raise NotQuite("an objective is a function that takes a trial; hand over the function itself.")
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=course_seed())).ask()
    value = objective(trial)
    compare_space(WANTED_SPACE, trial.distributions)
    if not isinstance(value, Real):
        raise NotQuite(f"the objective returned {value!r}: return one number, the last validation accuracy.")
    _, epochs = fit(TrainingConfig(**trial.params, epochs=3, seed=course_seed()), load_dataset())
    if not math.isclose(value, epochs[-1].validation_accuracy, rel_tol=1e-9):
        raise NotQuite(
            f"with {trial.params} it returned {value:.4f}, but training 3 epochs with seed=SEED ends at a validation "
            f"accuracy of {epochs[-1].validation_accuracy:.4f}: use all three values, and return the last epoch's."
        )
    return "The space is as asked, and the value is the one the same training gives here."


@exercise("01.2")
def trials_close_to_best(count: object, trials: pd.DataFrame) -> str:
    """The count of rows at most 0.01 below the best."""
    if isinstance(count, bool) or not isinstance(count, Integral):
        raise NotQuite(f"{count!r} is not a count: `.sum()` of a condition on the column `value` gives one.")
    gap = trials["value"].max() - trials["value"]
    surely, at_most = (gap < 0.01 - 1e-9).sum(), (gap < 0.01 + 1e-9).sum()  # a difference of decimals is not exact
    if surely <= count <= at_most:
        return f"{count} trials are that close: the top is a plateau, not a peak."
    if count == len(trials):
        raise NotQuite("that is every trial: keep those whose value is at least the best minus 0.01.")
    if count == (gap > 0.01).sum():
        raise NotQuite("you counted the trials that are further away: turn the comparison round.")
    raise NotQuite("the count is off: compare `value` with `value.max() - 0.01`, the best trial itself included.")


@exercise("01.3")
def study_of_a_loss(study: object, seed: int) -> str:
    """Direction, sampler, number of trials, and the seed by repeating the first trial."""
    if not isinstance(study, optuna.Study):
        raise NotQuite("that is not a study: begin with `my_study = optuna.create_study(...)`.")
    if study.direction != StudyDirection.MINIMIZE:
        raise NotQuite("the study maximises: of a loss you want the smallest, so direction='minimize'.")
    if not isinstance(study.sampler, TPESampler):
        raise NotQuite(f"its sampler is {type(study.sampler).__name__}: use TPESampler.")
    if len(study.trials) != 12:
        raise NotQuite(
            f"it has {len(study.trials)} trials, not 12: optimize(..., n_trials=12) once, on a new study "
            "(n_trials adds to what is there)."
        )
    again = optuna.create_study(sampler=TPESampler(seed=seed))
    rate = again.ask({"learning_rate": FloatDistribution(1e-3, 1, log=True)}).params["learning_rate"]
    if not math.isclose(study.trials[0].params.get("learning_rate", -1), rate, rel_tol=1e-9):
        raise NotQuite("another run would draw other values: create the sampler with TPESampler(seed=SEED).")
    return f"The lowest loss is {study.best_value:.3f}, and anybody with your seed gets the same."


@exercise("01.4")
def the_touched_test_set(answer: object) -> str:
    """The wrong choices are told why."""
    reasons = {
        "a": "more trials would make it worse: the more numbers you take the maximum of, the luckier the best.",
        "c": "choosing is a kind of training too: the 200 choices fitted the knobs to the test images.",
    }
    check_letter(answer, reasons)
    return "Whatever chooses the winner cannot judge it."
