"""Checks of notebook 12, the capstone."""

from __future__ import annotations

from collections.abc import Callable

import optuna
import pandas as pd
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from helpers.exercises.letters import check_letter
from helpers.learn.exercises import NotQuite, check_function, exercise, is_number
from helpers.problems.capstone import EPOCHS, SEEDS
from helpers.problems.table import SMUDGED

SPACE: dict[str, optuna.distributions.BaseDistribution] = {
    name: optuna.distributions.FloatDistribution(levels[0], levels[-1], log=name in SMUDGED.logarithmic)
    for name, levels in SMUDGED.space.items()
}


def _trial(state: TrialState, epochs: int, value: float | None = None, place: float = 0.1) -> FrozenTrial:
    """A trial that trained so many epochs, told apart by its learning rate."""
    params = {name: levels[0] for name, levels in SMUDGED.space.items()} | {"learning_rate": place}
    reports = {epoch: (value or 0.3) * epoch / EPOCHS for epoch in range(1, epochs + 1)}
    return create_trial(
        state=state, value=value, params=params, distributions=SPACE, intermediate_values=reports,
        user_attrs={"seed": 0},
    )  # fmt: skip


@exercise("12.1")
def spent(function: Callable) -> str:
    """Epochs that a list of trials trained, whatever became of them."""
    check_function(function)
    done, pruned = _trial(TrialState.COMPLETE, EPOCHS, 0.4), _trial(TrialState.PRUNED, 3, 0.1)
    failed, waiting = _trial(TrialState.FAIL, 7), create_trial(state=TrialState.WAITING)
    if not is_number(found := function([done, done])):
        raise NotQuite(f"return a number of epochs, not {found!r}.")
    if found != 2 * EPOCHS:
        raise NotQuite(f"two whole trainings are {2 * EPOCHS} epochs, and it returns {found}.")
    if (found := function([done, pruned])) == EPOCHS:
        raise NotQuite("it leaves out what a pruned trial trained before it was stopped.")
    if found == 2 * EPOCHS:
        raise NotQuite(f"a trial pruned after 3 epochs spent 3, not {EPOCHS}.")
    if found != EPOCHS + 3:
        raise NotQuite(f"for {EPOCHS} epochs and 3 of a pruned trial it returns {found}.")
    if (found := function([done, failed])) != EPOCHS + 7:
        raise NotQuite(f"a trial that failed after 7 epochs spent 7: with a whole one {EPOCHS + 7}, not {found}.")
    if (found := function([done, waiting])) != EPOCHS:
        raise NotQuite(f"a waiting trial has spent nothing yet; with a whole one it returns {found}.")
    if function([]) != 0:
        raise NotQuite("without a trial nothing is spent: return 0.")
    return "What was trained was paid for, whatever became of it."


@exercise("12.2")
def pick(function: Callable) -> str:
    """The configuration with the best mean, of those with all seeds."""
    check_function(function)
    runs = {"A": (0.46, 0.40, 0.39), "B": (0.43, 0.44, 0.42), "C": (0.45,), "D": (0.30, 0.31, 0.32)}
    table = pd.DataFrame(
        [(name, seed, value) for name, values in runs.items() for seed, value in enumerate(values)],
        columns=["config", "seed", "accuracy"],
    )
    found = function(table.copy())
    if found == "A":
        raise NotQuite("A has the highest single value, and fell back to 0.40 and 0.39 with the other seeds.")
    if found == "C":
        raise NotQuite("C was trained with one seed only: its mean is that seed's luck. Ask for all three.")
    if found == "D":
        raise NotQuite("D is the lowest; the accuracy is to be high.")
    if not isinstance(found, str) or found != "B":
        raise NotQuite(f'return the name of one configuration, such as "A", not {found!r}.')
    shuffled = table.sample(frac=1, random_state=0).replace({"config": {"B": "D", "D": "B"}})
    if function(shuffled) != "D":
        raise NotQuite("with names and rows in another order it names another one: look at the accuracies.")
    return "Three seeds are few, and already better than the luck of one."


@exercise("12.3")
def again(function: Callable) -> str:
    """The best completed trials are enqueued with the other two public seeds."""
    check_function(function)
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    places = {0.01: 0.41, 0.03: 0.45, 0.1: 0.43, 0.3: 0.20}
    study.add_trials([_trial(TrialState.COMPLETE, EPOCHS, value, place) for place, value in places.items()])
    study.add_trial(_trial(TrialState.PRUNED, 9, 0.5, 1.0))
    function(study, 2)
    waiting = study.get_trials(states=(TrialState.WAITING,))
    if len(study.trials) - len(waiting) != 5:
        raise NotQuite("it runs or removes trials: only enqueue, study.optimize comes after it.")
    if not waiting:
        raise NotQuite("no trial waits afterwards: use study.enqueue_trial.")
    asked = [(_fixed(trial).get("learning_rate"), trial.user_attrs.get("seed")) for trial in waiting]
    rates, seeds = {rate for rate, _ in asked}, {seed for _, seed in asked}
    if 1.0 in rates:
        raise NotQuite("it repeats a pruned trial, whose value is only its last report: take completed ones.")
    if 0.3 in rates and 0.03 not in rates:
        raise NotQuite("it repeats the worst ones: this study maximises.")
    if seeds == {None}:
        raise NotQuite('the seed is missing: enqueue_trial(params, user_attrs={"seed": seed}).')
    if not seeds <= set(SEEDS):
        raise NotQuite(f"the public seeds are {SEEDS}, and it asks for {sorted(map(str, seeds - set(SEEDS)))}.")
    if 0 in seeds:
        raise NotQuite("it trains seed 0 again, which would give the same number at the price of a training.")
    if rates != {0.03, 0.1}:
        raise NotQuite(f"the two best have the learning rates 0.03 and 0.1; it repeats {len(rates)} configuration(s).")
    if any(len(_fixed(trial)) != len(SPACE) for trial in waiting):
        raise NotQuite("it hands over only some of the parameters: the others would be drawn anew.")
    if sorted(asked) != [(0.03, 1), (0.03, 2), (0.1, 1), (0.1, 2)]:
        raise NotQuite(f"each of the two needs seeds 1 and 2, once; {len(waiting)} trials wait.")
    return "Four trainings, and the winner is chosen by three numbers instead of one."


def _fixed(trial: FrozenTrial) -> dict[str, float]:
    """The parameters that a waiting trial was enqueued with."""
    return trial.system_attrs.get("fixed_params", {})


@exercise("12.4")
def many_names(answer: object) -> str:
    """The maximum over submissions."""
    check_letter(
        answer,
        {
            "a": "each study kept its budget, and the twelve together spent twelve of them.",
            "c": "the held-back seeds are fresh for one choice; choosing among twelve scores uses them to choose.",
        },
    )
    return "The held-back seeds chose, so they can no longer judge. It is the optimism of the maximum once more."
