"""Checks of notebook 02, search spaces."""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from helpers.exercises.kit import plain, same, shown
from helpers.exercises.spaces import compare_space
from helpers.learn.exercises import NotQuite, check_function, exercise
from helpers.learn.seed import course_seed

TRIALS = 60


def _run(objective: Callable, *fixed: dict) -> list[tuple[object, FrozenTrial]]:
    """What the objective returned and the trial as the study keeps it: in `fixed` trials, then in random ones."""
    check_function(objective)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=course_seed()))
    for params in fixed:
        study.enqueue_trial(params)
    trials = [study.ask() for _ in range(TRIALS)]
    returned = [objective(trial) for trial in trials]
    return list(zip(returned, study.get_trials(deepcopy=False), strict=True))


def _same(returned: object, wanted: object, trial: FrozenTrial) -> None:
    if not same(plain(returned), plain(wanted)):
        raise NotQuite(f"with {shown(trial.params)} it returned {shown(returned)}, asked was {shown(wanted)}.")


@exercise("02.1")
def one_list_of_choices(objective: Callable) -> str:
    """The same four choices in every trial."""
    wanted = {"width": CategoricalDistribution([16, 32, 64, 128])}
    for returned, trial in _run(objective):
        compare_space(wanted, trial.distributions)
        _same(returned, trial.params["width"], trial)
    return "The choices of a name stay the same for the whole study. To change them, use a new name or a new study."


@exercise("02.2")
def zero_beside_a_logarithm(objective: Callable) -> str:
    """The switch in every trial, the logarithmic knob only behind it."""
    switch: dict[str, BaseDistribution] = {"use_decay": CategoricalDistribution([True, False])}
    knob: dict[str, BaseDistribution] = {"weight_decay": FloatDistribution(1e-6, 1e-2, log=True)}
    for returned, trial in _run(objective):
        on = trial.params.get("use_decay")
        if on is False and "weight_decay" in trial.params:
            raise NotQuite("weight_decay is asked for although use_decay is False: ask inside the `if`.")
        compare_space(switch | knob if on else switch, trial.distributions)
        _same(returned, trial.params["weight_decay"] if on else 0.0, trial)
    return "Zero has a switch of its own, and the rest moves by factors."


@exercise("02.3")
def a_name_for_each_layer(objective: Callable) -> str:
    """As many widths as the depth says, each under its own name."""
    for returned, trial in _run(objective):
        if "width" in trial.params:
            raise NotQuite("the layers share the name 'width', so they share its value: try f\"width_{layer}\".")
        if "depth" not in trial.params:
            raise NotQuite("the trial was never asked for 'depth': keep its line.")
        layers = range(trial.params["depth"])
        widths = {f"width_{layer}": IntDistribution(8, 64) for layer in layers}
        compare_space({"depth": IntDistribution(1, 3)} | widths, trial.distributions)
        _same(returned, [trial.params[name] for name in widths], trial)
    return "A name is a knob: one name, one value a trial."


@exercise("02.4")
def a_budget_as_constraint(objective: Callable) -> str:
    """The space, and the constraint's value in every trial."""
    wanted = {"batch_size": IntDistribution(16, 512, log=True), "epochs": IntDistribution(1, 20)}
    limits = {"batch_size": 64, "epochs": 20}, {"batch_size": 183, "epochs": 7}  # 1280 and 1281
    found = []
    for returned, trial in _run(objective, *limits):
        compare_space(wanted, trial.distributions)
        product = trial.params["batch_size"] * trial.params["epochs"]
        _same(returned, product, trial)
        found.append((product, trial.constraints.get("budget")))
    if all(value is None for _, value in found):
        raise NotQuite('no constraint named "budget" was set: trial.set_constraint("budget", ...).')
    if all(value == 1280 - product for product, value in found):
        raise NotQuite(f"a product of {found[0][0]} gives {found[0][1]:g}: turn the sign, used minus allowed.")
    for product, value in found:
        if value is None:
            raise NotQuite(f"with a product of {product} no constraint was set: set it in every trial.")
        if (value <= 0) != (product <= 1280):
            raise NotQuite(f"a product of {product} gives {value:g}; at or below 0 is feasible, so use product - 1280.")
    return "At or below zero is feasible: what was used, minus what is allowed."
