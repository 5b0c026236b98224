"""The capstone's problem: what is trained is the record, what is spent is counted, cheats are refused and told why."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path

import nbformat
import numpy as np
import optuna
import pandas as pd
import pytest
from optuna import Study
from optuna.pruners import NopPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from scipy.stats import ttest_1samp

from helpers.errors import BadInput
from helpers.problems.capstone import BUDGET, EPOCHS, HELD_BACK, SEEDS, Capstone, Refused, Score, epochs_spent
from helpers.problems.table import SMUDGED

PROBLEM = Capstone()
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "12_capstone.ipynb"
NAMES = {"problem": PROBLEM, "EPOCHS": EPOCHS, "SEEDS": SEEDS, "epochs_spent": epochs_spent, "np": np}
NAMES |= {"NopPruner": NopPruner, "TrialState": TrialState}


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Optuna reports no single trial."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial: Trial) -> float:
    """As in the notebook."""
    config, seed = PROBLEM.table.suggest(trial), trial.user_attrs.get("seed", 0)
    trial.set_user_attr("seed", seed)
    for epoch, accuracy in PROBLEM.train(config, seed):
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


NAMES["objective"] = objective


def taught(name: str) -> Callable:
    """A function as notebook 12 defines it."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    (cell,) = [cell.source for cell in cells if cell.cell_type == "code" and f"def {name}(" in cell.source]
    program = ast.parse(cell)
    program.body = [part for part in program.body if isinstance(part, ast.FunctionDef)]
    exec(compile(program, str(NOTEBOOK), "exec"), NAMES)
    return NAMES[name]


stop_at, rerun, choose = map(taught, ("stop_at", "rerun", "choose"))


def searched(epochs: int = BUDGET, seed: int = 0, pruner: optuna.pruners.BasePruner | None = None) -> Study:
    """An honest search."""
    sampler = RandomSampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner or NopPruner(), study_name="s")
    study.optimize(objective, callbacks=[stop_at(epochs)])
    return study


def changed(trial: FrozenTrial, **changes: object) -> FrozenTrial:
    """A copy of a trial with something of it changed."""
    parts = {
        "state": trial.state,
        "value": trial.value,
        "params": trial.params,
        "distributions": trial.distributions,
        "user_attrs": trial.user_attrs,
        "intermediate_values": trial.intermediate_values,
    }
    return create_trial(**(parts | changes))


def with_trial(**changes: object) -> Study:
    """A small honest study, and a copy of its best trial with something changed."""
    study = searched(5 * EPOCHS)
    study.add_trial(changed(study.best_trial, **changes))
    return study


# Training and spending


def test_training_is_the_record() -> None:
    """Every public seed, from the first to the last epoch, of the nearest recorded configuration."""
    config = {name: levels[0] * 1.01 if name != "blur" else 0.1 for name, levels in SMUDGED.space.items()}
    config |= {"width": 8, "batch_size": 20}
    for seed in SEEDS:
        curve = PROBLEM.table.curve(PROBLEM.table.nearest(config), seed=seed)
        assert list(PROBLEM.train(config, seed)) == list(enumerate(curve, start=1))
    assert len(curve) == EPOCHS == 18


def test_only_public_seeds_can_be_trained() -> None:
    """At the call, not at the first epoch."""
    for seed in (HELD_BACK[0], 3, -1, None, True, "0"):
        with pytest.raises(BadInput, match="is not public: train with one of"):
            PROBLEM.train(PROBLEM.table.best, seed)


def test_spent_epochs_are_counted_whatever_became_of_a_trial() -> None:
    """Against a count kept by hand while a pruner, an error and a stopped trial interrupt the training."""
    trained = count()

    def counted(trial: Trial) -> float:
        for epoch, accuracy in PROBLEM.train(PROBLEM.table.suggest(trial)):
            next(trained)
            trial.report(accuracy, epoch)
            if trial.number % 5 == 3 and epoch == 4:
                raise ValueError
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    pruner = SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0), pruner=pruner)
    study.optimize(counted, n_trials=40, catch=ValueError)
    running = study.ask()
    for epoch, accuracy in PROBLEM.train(PROBLEM.table.best):
        next(trained)
        running.report(accuracy, epoch)
    study.enqueue_trial({"blur": 0})
    states = {trial.state.name for trial in study.trials}
    assert states == {"COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"}
    assert epochs_spent(study) == next(trained)


def test_a_study_stops_inside_its_budget() -> None:
    """And spends all but the last training's worth."""
    for epochs, pruner in (
        (18, NopPruner()),
        (100, NopPruner()),
        (540, SuccessiveHalvingPruner(1, reduction_factor=3)),
    ):
        assert epochs - EPOCHS < epochs_spent(searched(epochs, pruner=pruner)) <= epochs


# Scores


def test_a_score_is_the_mean_over_the_held_back_seeds() -> None:
    """Of the test accuracies; its margin is Student's."""
    score = PROBLEM.score(PROBLEM.table.best)
    assert score.values == tuple(PROBLEM.table.value(PROBLEM.table.best, "test_accuracy", seed) for seed in HELD_BACK)
    assert score.mean == pytest.approx(np.mean(score.values))
    assert Score({}, (1, 2, 3, 4, 5)).margin == pytest.approx(2.776 * math.sqrt(2.5 / 5), abs=1e-3)


def test_an_honest_study_is_scored() -> None:
    """Whole or pruned, with re-runs, with a trial that failed before its training, and in every public seed."""
    for pruner in (NopPruner(), SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)):
        study = searched(BUDGET - 8 * EPOCHS, pruner=pruner)
        study.tell(study.ask(), state=TrialState.FAIL)
        rerun(study, best=4)
        assert PROBLEM.examine(study, choose(study)) == PROBLEM.score(choose(study))
        assert PROBLEM.examine(study, study.best_params) == PROBLEM.score(study.best_params)
        assert epochs_spent(study) <= BUDGET


def test_reruns_take_the_best_once() -> None:
    """Two trials of one configuration count as one; both other seeds, whole, without the pruner."""
    study = searched(6 * EPOCHS)
    best = study.best_trial
    study.add_trial(best)
    rerun(study, best=2)
    again = study.trials[7:]
    assert [trial.user_attrs["seed"] for trial in again] == [1, 2, 1, 2]
    assert all(trial.state == TrialState.COMPLETE and trial.last_step == EPOCHS for trial in again)
    assert again[0].params == again[1].params == best.params != again[2].params == again[3].params
    means = {}
    for trial in study.trials:
        means.setdefault(tuple(PROBLEM.table.nearest(trial.params).items()), {})[trial.user_attrs["seed"]] = trial.value
    whole = {config: np.mean(list(seen.values())) for config, seen in means.items() if len(seen) == 3}
    assert len(whole) == 2 and choose(study) == dict(max(whole, key=whole.get))


# Cheats


def minimised() -> Study:
    """An honest search in the wrong direction."""
    study = optuna.create_study(direction="minimize", sampler=RandomSampler(seed=0))
    study.optimize(objective, n_trials=2)
    return study


def overspent(state: TrialState) -> Study:
    """Thirty whole trainings, and one epoch in a trial of this state."""
    study = searched()
    one = {1: PROBLEM.table.curve(PROBLEM.table.nearest(study.best_params), seed=0)[0]}
    study.add_trial(changed(study.best_trial, state=state, value=None, intermediate_values=one))
    return study


def two_objectives() -> Study:
    """Nothing that could be scored."""
    return optuna.create_study(directions=["maximize", "minimize"])


def held_back_curve() -> Study:
    """The last report, and the value, are those of a held-back seed."""
    study = searched(5 * EPOCHS)
    best = study.best_trial
    value = PROBLEM.score(best.params).values[0]
    study.add_trial(changed(best, value=value, intermediate_values=best.intermediate_values | {EPOCHS: value}))
    return study


def without(curve: dict[int, float], *epochs: int) -> dict[int, float]:
    """A curve with gaps."""
    return {epoch: value for epoch, value in curve.items() if epoch not in epochs}


BEST = searched(5 * EPOCHS).best_trial
CURVE = BEST.intermediate_values
NAN = CURVE | {3: math.nan}
LATER = {epoch + 1: value for epoch, value in CURVE.items()}
CHEATS: dict[str, tuple[Callable[[], object], str]] = {
    "no study": (lambda: {"value": 0.9}, "no study of one accuracy: hand over the study itself, created with"),
    "empty": (lambda: optuna.create_study(direction="maximize"), "no trial of this study trained this configuration"),
    "minimised": (minimised, 'created with direction="maximize"'),
    "two objectives": (two_objectives, "no study of one accuracy"),
    "value": (lambda: with_trial(value=0.62), "trial 5 says 0.6200 of epoch 18; training this configuration with"),
    "value, inf": (lambda: with_trial(value=math.inf), "trial 5 says inf of epoch 18; training"),
    "value, no report": (lambda: with_trial(intermediate_values={}), "trial 5 does not report the epochs 1, 2, 3"),
    "best epoch": (lambda: with_trial(value=max(CURVE.values()) + 1e-3), "trial 5 says 0"),
    "curve": (lambda: with_trial(intermediate_values=CURVE | {4: 0.9}), "trial 5 says 0.9000 of epoch 4; training"),
    "curve, nan": (lambda: with_trial(intermediate_values=NAN), "trial 5 says nan of epoch 3; training"),
    "held back, curve": (held_back_curve, "trial 5 says 0.* of epoch 18; training this configuration with this seed"),
    "held back, value": (lambda: with_trial(value=PROBLEM.score(BEST.params).mean), "trial 5 says 0.* of epoch 18"),
    "held back, seed": (lambda: with_trial(user_attrs={"seed": 1003}), "trial 5: Seed 1003 is not public: train with"),
    "another seed": (lambda: with_trial(user_attrs={"seed": 5}), "Seed 5 is not public: train with one"),
    "another's curve": (lambda: with_trial(user_attrs={"seed": 1}), "trial 5 says 0.* of epoch"),
    "no seed": (lambda: with_trial(user_attrs={}), "trial 5: Seed None is not public"),
    "seed as text": (lambda: with_trial(user_attrs={"seed": "0"}), "trial 5: Seed '0' is not public"),
    "seed as list": (lambda: with_trial(user_attrs={"seed": [0]}), r"trial 5: Seed \[0\] is not public"),
    "gap": (lambda: with_trial(intermediate_values=without(CURVE, 4, 5)), "trial 5 does not report the epochs 1, 2, 3"),
    "only the last": (lambda: with_trial(intermediate_values={18: CURVE[18]}), "does not report the epochs 1, 2, 3"),
    "from the second": (lambda: with_trial(intermediate_values=without(CURVE, 1)), "does not report the epochs"),
    "from zero": (lambda: with_trial(intermediate_values=without(CURVE, 18) | {0: 0.1}), "does not report the epochs"),
    "too long": (lambda: with_trial(intermediate_values=CURVE | {19: 0.5}), "to its last one, at most 18"),
    "over": (lambda: searched(BUDGET + EPOCHS), "pruned and failed ones included, trained 558 epochs of 540"),
    **{
        f"over, {state.name}": (lambda state=state: overspent(state), "trained 541 epochs of 540")
        for state in (TrialState.FAIL, TrialState.RUNNING, TrialState.PRUNED)
    },
}


def test_a_cheat_is_refused_with_the_reason() -> None:
    """Whatever configuration it asks for."""
    for make, reason in CHEATS.values():
        study = make()
        with pytest.raises(Refused, match=reason):
            PROBLEM.examine(study, BEST.params)


def test_a_trial_outside_of_the_space_is_refused() -> None:
    """A hyperparameter of one's own, and a range of one's own."""
    wide = {"blur": optuna.distributions.FloatDistribution(0, 3)}
    study = with_trial(params=BEST.params | {"blur": 2.0}, distributions=BEST.distributions | wide)
    with pytest.raises(Refused, match=r"trial 5: blur is 2\.0: choose a value"):
        PROBLEM.examine(study, BEST.params)
    few = {name: value for name, value in BEST.params.items() if name != "blur"}
    kept = {name: BEST.distributions[name] for name in few}
    with pytest.raises(Refused, match="trial 5: A configuration names exactly"):
        PROBLEM.examine(with_trial(params=few, distributions=kept), BEST.params)


def test_only_what_was_trained_can_be_handed_in() -> None:
    """To its last epoch, by a trial of this study."""
    study = searched(5 * EPOCHS)
    for config, reason in (
        (PROBLEM.table.best, "no trial of this study trained this configuration for all of its 18 epochs"),
        ({**BEST.params, "blur": 5}, "the configuration is outside of the search space: blur is 5"),
        ({"blur": 0.4}, "the configuration is outside of the search space: A configuration names exactly"),
        (None, "the configuration is outside of the search space"),
    ):
        with pytest.raises(Refused, match=re.escape(reason)):
            PROBLEM.examine(study, config)


def test_a_configuration_that_was_only_begun_is_refused() -> None:
    """A pruned trial is no training."""
    study = searched(pruner=SuccessiveHalvingPruner(min_resource=1, reduction_factor=3))
    completed = [PROBLEM.table.nearest(trial.params) for trial in study.trials if trial.last_step == EPOCHS]
    begun = next(trial.params for trial in study.trials if PROBLEM.table.nearest(trial.params) not in completed)
    with pytest.raises(Refused, match="no trial of this study trained this configuration for all"):
        PROBLEM.examine(study, begun)


# The ladder


def plan(best: int, pruner: Callable[[], optuna.pruners.BasePruner] = NopPruner) -> Callable:
    """Random search with so many re-runs."""

    def carry_out(seed: int) -> tuple[Study, dict[str, float]]:
        study = searched(BUDGET - 2 * best * EPOCHS, seed, pruner())
        rerun(study, best)
        return study, choose(study)

    return carry_out


@pytest.mark.slow
def test_the_ladder_tells_plans_apart() -> None:
    """Random search against halving with re-runs, as notebook 12 climbs it: the difference is found."""
    plans = {"random": plan(0), "halving": plan(4, lambda: SuccessiveHalvingPruner(min_resource=1, reduction_factor=3))}
    scores = pd.DataFrame(
        {name: [PROBLEM.examine(*make(seed)).mean for seed in range(40)] for name, make in plans.items()}
    )
    best = PROBLEM.table.curves["test_accuracy"][:, :, 0].mean(axis=1).max()
    assert PROBLEM.best == pytest.approx(best) and (scores <= best).all(axis=None)
    assert ttest_1samp(scores["halving"] - scores["random"], 0, alternative="greater").pvalue < 0.05


def test_a_plan_that_cheats_is_refused() -> None:
    """With one's own budget it is not."""
    study = searched(2 * BUDGET, 0)
    with pytest.raises(Refused, match="trained 1080 epochs of 540"):
        PROBLEM.examine(study, study.best_params)
    assert 0 < Capstone(2 * BUDGET).examine(study, study.best_params).mean <= PROBLEM.best
