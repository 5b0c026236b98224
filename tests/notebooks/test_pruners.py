"""What notebook 06 says of Optuna's pruners, measured on the installed version."""

from __future__ import annotations

import re
from itertools import permutations

import nbformat
import numpy as np
import optuna
import pytest
from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner, WilcoxonPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState
from scipy.stats import spearmanr, ttest_1samp

from helpers.learn import course_seed
from helpers.problems.table import EPOCHS, Benchmark, load_benchmark
from helpers.races.race import FASHION_RACES, load_races
from tests.notebooks.test_notebooks import NOTEBOOKS
from tests.tools.store_outputs import ROOT

KNOB = {"x": optuna.distributions.FloatDistribution(0, 1)}
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def ended(study: optuna.Study, trial: optuna.Trial, value: float) -> None:
    """Tells the study what its pruner decides."""
    pruned = trial.should_prune()
    study.tell(trial, None if pruned else value, state=TrialState.PRUNED if pruned else TrialState.COMPLETE)


def values(sampler: BaseSampler, trials: int = 50) -> np.ndarray:
    """What a search under Hyperband tries."""
    study = optuna.create_study(
        sampler=sampler, pruner=HyperbandPruner(1, max_resource=EPOCHS, reduction_factor=3), study_name="startup"
    )
    tried = []
    for _ in range(trials):
        trial = study.ask(KNOB)
        tried.append(trial.params["x"])
        trial.report(tried[-1], step=1)
        ended(study, trial, tried[-1])
    return np.array(tried)


def test_tpe_under_hyperband_models_from_trial_10() -> None:
    """Its docstring says ten for each of four brackets."""
    seed = course_seed()
    same = values(TPESampler(seed=seed)) == values(RandomSampler(seed=seed))
    assert same[:10].all() and not same[10:].any()


def test_the_brackets_are_as_drawn() -> None:
    """27, 12, 6 and 4 of 49 trials, as the picture's cell has them."""
    pruner = HyperbandPruner(1, max_resource=EPOCHS, reduction_factor=3)
    study = optuna.create_study(pruner=pruner)
    trial = study.ask()
    trial.report(0, 1)
    trial.should_prune()
    source = nbformat.read(next(path for path in NOTEBOOKS if path.name.startswith("06")), as_version=4)
    assert f"sizes = {tuple(pruner._trial_allocation_budgets)}" in "\n".join(cell.source for cell in source.cells)


@pytest.mark.parametrize(("folds", "stops"), [(3, False), (4, True)])
def test_wilcoxon_needs_four_folds(folds: int, stops: bool) -> None:
    """However bad they are."""
    study = optuna.create_study(direction="maximize", pruner=WilcoxonPruner(p_threshold=0.1))
    for level in (1.0, 0.0):
        trial = study.ask()
        for fold in range(folds):
            trial.report(level + fold / 100, step=fold)
        if level:
            study.tell(trial, level)
    assert trial.should_prune() == stops


def test_a_pruner_is_not_stored() -> None:
    """Who names none has the median, whatever the creator chose."""
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(study_name="shared", storage=storage, pruner=NopPruner())
    for study in (optuna.load_study(study_name="shared", storage=storage), optuna.create_study()):
        assert isinstance(study.pruner, MedianPruner)


def test_a_stopped_trial_never_comes_back() -> None:
    """One that halving stops first, and that turns out to be in the best third of nine, stays pruned."""
    pruner = SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for value in (0.9, 0.8, *np.linspace(0.1, 0.7, 7)):
        trial = study.ask()
        trial.report(value, step=1)
        ended(study, trial, value)
    assert [trial.state for trial in study.trials[:2]] == [TrialState.COMPLETE, TrialState.PRUNED]


def test_several_goals_are_not_pruned() -> None:
    """`report` refuses; a limit has the keyword `key`."""
    trial = optuna.create_study(directions=["maximize", "minimize"]).ask()
    with pytest.raises(NotImplementedError):
        trial.report(1.0, step=1)
    trial.set_constraint(key="ms", value=-1.0)
    assert trial.constraints == {"ms": -1.0}


def test_the_handout_says_what_the_records_say() -> None:
    """Its figures on pruners, as the notebook has them: rank correlations of the clothes, and leads on test."""
    said = (ROOT / "notebooks" / "handout.md").read_text(encoding="utf-8").partition("**3. Prune")[2]
    figures = [float(number) for number in re.findall(r"0\.\d{2,}", said.partition("**4.")[0])]
    looks = [best_tenth(load_benchmark("fashion"), epoch) for epoch in (3, 27)]
    leads = []
    for sampler, pruner, sign in (("Random", "halving", 1), ("TPE", "halving", -1), ("TPE", "median", -1)):
        race = load_races(FASHION_RACES)[f"pruners, {sampler}, test"]
        gap = sign * (race.final("no pruner") - race.final(pruner))
        leads += [gap.mean(), *ttest_1samp(gap, 0).confidence_interval()]
    assert figures[:2] == pytest.approx(looks, abs=0.005)
    assert figures[2:] == pytest.approx(leads, abs=0.0005)


def best_tenth(table: Benchmark, epoch: int) -> float:
    """What `epoch` epochs of one seed tell of another's end, a third seed choosing; mean over their orders."""
    curves, found = table.curves["validation_accuracy"], []
    for chooser, end, seen in permutations(range(curves.shape[1]), 3):
        best = np.argsort(-curves[:, chooser, -1], kind="stable")[: len(curves) // 10]
        found.append(spearmanr(curves[best, seen, epoch - 1], curves[best, end, -1]).statistic)
    return float(np.mean(found))
