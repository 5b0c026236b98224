"""Searches with pruners over recorded curves: against Optuna's own loop, rules written by hand, and made-up races."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import optuna
import pytest
from optuna.pruners import BasePruner, MedianPruner, SuccessiveHalvingPruner, WilcoxonPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from helpers.errors import BadInput
from helpers.learn import course_seed
from helpers.problems.table import CONFIGURATIONS, EPOCHS, load_benchmark
from helpers.races.race import Race, race, race_pruners
from helpers.races.recorded.record_races import PRUNERS
from helpers.races.replay import Replay, replay
from helpers.races.statistics import epochs_saved

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

TABLE = load_benchmark()
Curves = Sequence[Sequence[float]]


class Own(BasePruner):
    """A pruner of the learner: cuts at the third report what has not moved since the first."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        values = list(trial.intermediate_values.values())
        return len(values) == 3 and abs(values[-1] - values[0]) < 0.1


EVERY: dict[str, Callable[[], BasePruner]] = {
    **PRUNERS,
    "auto": SuccessiveHalvingPruner,
    "Wilcoxon": WilcoxonPruner,
    "own": Own,
}


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Optuna does not report every trial."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def drawn(trials: int = 40) -> list[list[float]]:
    """Some of the recorded curves, (trials, 27)."""
    places = np.random.default_rng(course_seed()).choice(CONFIGURATIONS, trials, replace=False)
    return TABLE.curves["validation_accuracy"][places].mean(axis=1).tolist()


# One replay


def optimized(pruner: BasePruner, curves: Curves) -> tuple[list, list]:
    """(reports made, pruned or not) of each trial, in the loop that a learner writes."""

    def objective(trial: optuna.Trial) -> float:
        for step, value in enumerate(curves[trial.number], start=1):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study = optuna.create_study(direction="maximize", pruner=pruner, study_name="by hand")
    study.optimize(objective, n_trials=len(curves))
    return [len(t.intermediate_values) for t in study.trials], [t.state == TrialState.PRUNED for t in study.trials]


@pytest.mark.parametrize("name", EVERY)
def test_a_replay_cuts_where_a_loop_of_optunas_cuts(name: str) -> None:
    """Trial by trial, with every pruner."""
    curves = drawn(8 if name == "Wilcoxon" else 40)  # it is slow where values tie
    done = replay(EVERY[name](), curves, study_name="by hand")
    assert (done.trained.tolist(), done.pruned.tolist()) == optimized(EVERY[name](), curves)
    assert done.final.tolist() == [curve[-1] for curve in curves] and done.length == EPOCHS
    assert done.pruned.any() == (name != "no pruner")


def median_by_hand(curves: Curves, startup: int = 5) -> list[int]:
    """Reports made under the rule: the best so far against the median of the finished ones at this epoch."""
    finished, trained = [], []
    for curve in curves:
        for n in range(len(curve)):
            if len(finished) >= startup and max(curve[: n + 1]) < median(other[n] for other in finished):
                break
        else:
            finished.append(curve)
        trained.append(n + 1)
    return trained


def halving_by_hand(curves: Curves, rungs: Sequence[int] = (1, 3, 9, 27)) -> list[int]:
    """Reports made under the rule: on with the best third of those that reached the rung so far, or with the best."""
    reached, trained = {rung: [] for rung in rungs}, []
    for curve in curves:
        for rung in rungs:
            reached[rung].append(curve[rung - 1])
            better = sum(value > curve[rung - 1] for value in reached[rung])
            if better >= max(1, len(reached[rung]) // 3):
                break
        trained.append(rung)
    return trained


@pytest.mark.parametrize(("name", "rule"), [("median", median_by_hand), ("halving", halving_by_hand)])
def test_the_rules_are_as_we_say(name: str, rule: Callable) -> None:
    """Median and successive halving cut where the rule in words cuts."""
    assert replay(PRUNERS[name](), drawn()).trained.tolist() == rule(drawn())


def test_the_name_of_the_study_chooses_hyperbands_brackets() -> None:
    """The same name gives the same cuts, some other name gives others."""
    cuts = [replay(PRUNERS["Hyperband"](), drawn(), study_name=name).trained.tolist() for name in ("a", "a", "b", "c")]
    assert cuts[0] == cuts[1] and cuts[1:] != cuts[:1] * 3


SEEN = Replay(np.array([0.5, 0.9, 0.7, 0.8]), np.array([3, 1, 3, 2]), np.array([False, True, False, True]), length=3)


def test_what_a_replay_says_of_itself() -> None:
    """9 of 12 epochs; the best left alone, the best killed, and how much that lost, by hand."""
    assert (SEEN.spent, SEEN.saved) == (9, 0.25)
    assert (SEEN.best, SEEN.best_killed, SEEN.lost) == (2, 1, pytest.approx(0.2))
    worse = Replay(-SEEN.final, SEEN.trained, SEEN.pruned, 3)
    assert (worse.best, worse.best_killed, worse.lost) == (0, 3, 0)


def test_the_first_trials_of_a_replay() -> None:
    """Are what a replay of these trials alone is; none at all spent, saved and lost nothing."""
    whole = replay(MedianPruner(), drawn())
    some, alone = whole.first(17), replay(MedianPruner(), drawn()[:17])
    for attribute in ("spent", "saved", "best", "best_killed", "lost", "length"):
        assert getattr(some, attribute) == getattr(alone, attribute), attribute
    none = whole.first(0)
    assert (none.spent, none.saved, none.best, none.best_killed, none.lost) == (0, 0, None, None, 0)
    assert SEEN.first(1).best_killed is None and SEEN.first(1).lost == 0


def test_a_value_without_bounds_is_no_reason_to_name_another_trial() -> None:
    """A trial that ended at minus infinity is the best killed where no other was killed."""
    assert Replay(np.array([1.0, -np.inf]), np.array([2, 1]), np.array([False, True]), 2).best_killed == 1


ONE = [[0.1, 0.2, 0.3]]
CURVES = "A replay needs curves, all with the same number of values, and none of them nan."
NO_PRUNER = "give an instance, such as MedianPruner()."
NAN = [*ONE, [0.1, float("nan"), 0.3]]
NONSENSE = [
    *(({"curves": curves}, CURVES) for curves in ([], [[], []], ONE[0], NAN)),
    *(({"pruner": pruner}, f"{pruner!r} is no pruner: {NO_PRUNER}") for pruner in (MedianPruner, None)),
]


def test_a_replay_of_nonsense_is_refused() -> None:
    """In one sentence that says what to give."""
    for changes, sentence in NONSENSE:
        with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
            replay(**{"pruner": MedianPruner(), "curves": ONE} | changes)


def test_an_array_of_numpy_holds_curves_too() -> None:
    """It gives what lists give."""
    done = replay(MedianPruner(), np.array(drawn()))
    assert done.trained.tolist() == replay(MedianPruner(), drawn()).trained.tolist()


# Races at equal epochs


def plan(sampler: str, pruner: str) -> Callable:
    """What makes a sampler and a pruner of a seed."""
    samplers = {"Random": RandomSampler, "TPE": TPESampler}
    return lambda seed: (samplers[sampler](seed=seed), PRUNERS[pruner]())


@pytest.mark.parametrize("sampler", ["Random", "TPE"])
def test_without_a_pruner_it_is_the_race_of_samplers(sampler: str) -> None:
    """Read after every 27th epoch; in between, and in a training that the budget cuts short, nothing changes."""
    trials, seeds = 13, (course_seed(), course_seed() + 1)
    pruned = race_pruners(
        TABLE, {"S": plan(sampler, "no pruner")}, epochs=trials * EPOCHS + 20, seeds=seeds, quiet=True
    )
    usual = race(TABLE, {"S": lambda seed: plan(sampler, "no pruner")(seed)[0]}, trials=trials, seeds=seeds, quiet=True)
    worst = TABLE.optimum - TABLE.frame()["validation_accuracy"].min()
    expected = np.repeat(np.insert(usual.regret[0], 0, worst, axis=1), EPOCHS, axis=1)[:, 1:]
    assert pruned.regret.shape == (1, 2, trials * EPOCHS + 20)
    assert pruned.regret[0] == pytest.approx(expected[:, : trials * EPOCHS + 20], abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "pruner"), [("Random", "Hyperband"), ("Random", "halving"), ("TPE", "median")])
def test_a_race_of_pruners_is_a_loop_of_optunas(sampler: str, pruner: str) -> None:
    """The same search with `study.optimize`, stopped by the epochs it spent, has the same best at every epoch. Over a
    few seeds it matters which brackets a study's name gives, and that a pruned trial's end does not count."""
    budget, seeds = 600, [course_seed() + n for n in range(4)]
    raced = race_pruners(TABLE, {"P": plan(sampler, pruner)}, epochs=budget, seeds=seeds, quiet=True)
    for run, seed in zip(raced.regret[0], seeds, strict=True):
        assert run == pytest.approx(searched(plan(sampler, pruner)(seed), f"run {seed}", budget), abs=1e-12), seed


def searched(made: tuple[BaseSampler, BasePruner], name: str, budget: int) -> np.ndarray:
    """The regret after each epoch of a search in the loop that a learner writes."""
    spent, regret = 0, np.full(budget, TABLE.optimum - TABLE.frame()["validation_accuracy"].min())

    def objective(trial: optuna.Trial) -> float:
        nonlocal spent
        for epoch, value in enumerate(TABLE.curve(TABLE.nearest(TABLE.suggest(trial))).tolist(), start=1):
            spent += 1
            trial.report(value, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        regret[spent - 1 :] = np.minimum(regret[spent - 1 :], TABLE.optimum - value)
        return value

    study = optuna.create_study(direction="maximize", sampler=made[0], pruner=made[1], study_name=name)
    while spent < budget:
        study.optimize(objective, n_trials=1)
    assert any(trial.state == TrialState.PRUNED for trial in study.trials)
    return regret


def test_a_race_of_pruners_keeps_to_its_plan() -> None:
    """Names in order, one column an epoch; regret never rises and never is negative; the same again with the seeds."""
    plans = {name: plan("Random", name) for name in ("median", "halving", "no pruner")}
    once, again = (race_pruners(TABLE, plans, epochs=200, seeds=(4, 2, 7), quiet=True) for _ in range(2))
    assert once.names == tuple(plans) and once.problem == "digits, by epochs"
    assert once.regret.shape == (3, 3, 200) and once.seconds.shape == (3, 200) and (once.seconds > 0).all()
    assert (np.diff(once.regret) <= 0).all() and (once.regret >= 0).all()
    assert (once.regret == again.regret).all()
    assert len({*once.regret[:, :, EPOCHS - 2].flat}) == 1 and (once.regret[:, :, -1] < once.regret[:, :, 0]).all()


def test_one_whole_training_is_budget_enough() -> None:
    """Its value counts at its last epoch."""
    plans, seeds = {"S": plan("Random", "no pruner")}, (0, 1)
    raced = race_pruners(TABLE, plans, epochs=EPOCHS, seeds=seeds, quiet=True)
    usual = race(TABLE, {"S": lambda seed: RandomSampler(seed=seed)}, trials=1, seeds=seeds, quiet=True)
    assert raced.final("S") == pytest.approx(usual.final("S"), abs=1e-12)


SEEDS = "A race needs an entrant and at least two seeds, all different: one run may be luck."


def test_a_race_of_nonsense_is_refused() -> None:
    """In one sentence that says what to give."""
    ask = {"plans": {"P": plan("Random", "median")}, "epochs": EPOCHS, "seeds": (0, 1), "quiet": True}
    for changes in ({"seeds": (1, 1)}, {"plans": {}}):
        with pytest.raises(BadInput, match=f"^{re.escape(SEEDS)}$"):
            race_pruners(TABLE, **ask | changes)


# What was saved


def arrives(*epochs: int, budget: int = 100) -> list[list[float]]:
    """Runs whose regret falls from 1 to 0 at these epochs, counted from 1; beyond the budget it never does."""
    return [[float(n < epoch) for n in range(1, budget + 1)] for epoch in epochs]


def made_up(**entrants: list[list[float]]) -> Race:
    """A race with these regrets."""
    regret = np.array(list(entrants.values()))
    return Race("made up", tuple(entrants), regret, np.ones(regret[:, 0].shape))


def test_epochs_saved_of_a_made_up_race() -> None:
    """Medians of 80, 20, 80 and 100: shares of 0, 0.75, 0 and -0.25; where most runs never get there, nothing."""
    runs = {"base": (70, 80, 90), "early": (10, 20, 99), "same": (80, 80, 80), "late": (100, 100, 5)}
    runs["never"] = (101, 101, 5)
    raced = made_up(**{name: arrives(*epochs) for name, epochs in runs.items()})
    table = epochs_saved(raced, "base")
    assert table.index.tolist() == list(raced.names)
    assert table["epochs"].tolist()[:-1] == [80, 20, 80, 100]
    assert table["saved"].tolist()[:-1] == pytest.approx([0, 0.75, 0, -0.25])
    assert table.loc["never"].isna().all()
    table = table.drop(index="never")
    assert (table.loc["base", ["saved", "low", "high"]] == 0).all()
    assert ((table["low"] <= table["saved"]) & (table["saved"] <= table["high"])).all()
    assert table.loc["early", "low"] < table.loc["early", "high"]


def test_the_quality_is_that_of_the_baselines_median_run() -> None:
    """Another baseline sets another target: 2 of 3 runs of `far` end at 0, which `near`, at 0.5, does not reach."""
    near = [[1.0] * 9 + [0.5] * 91] * 3
    raced = made_up(near=near, far=arrives(40, 50, 101))
    assert epochs_saved(raced, "near")["epochs"].tolist() == [10, 50]
    assert epochs_saved(raced, "far")["epochs"].tolist() == [pytest.approx(np.nan, nan_ok=True), 50]


def test_the_quality_may_be_that_of_an_earlier_epoch() -> None:
    """After 20 epochs half of the runs of `base` are at 0.5; it takes `other` 30 to get there, half as much again."""
    base = [[1.0] * 19 + [0.5] * 40 + [0.0] * 41] * 3
    raced = made_up(base=base, other=[[1.0] * 29 + [0.5] * 71] * 3)
    assert epochs_saved(raced, "base", at=20).loc["other", ["epochs", "saved"]].tolist() == [30, -0.5]
    assert epochs_saved(raced, "base", at=100)["epochs"].tolist() == [60, pytest.approx(np.nan, nan_ok=True)]
    assert epochs_saved(raced, "base", at=100).equals(epochs_saved(raced, "base"))


def test_the_interval_covers_what_is_true() -> None:
    """100 made-up races of 30 runs: the true share lies in at least 88 of the intervals."""
    rng = np.random.default_rng(course_seed())
    covered = 0
    for _ in range(100):
        base, fast = rng.integers(600, 1001, 30), rng.integers(300, 501, 30)  # medians of 800 and 400
        row = epochs_saved(made_up(base=arrives(*base, budget=1000), fast=arrives(*fast, budget=1000)), "base")
        covered += row.loc["fast", "low"] <= 0.5 <= row.loc["fast", "high"]
    assert covered >= 88


def test_an_unknown_baseline_is_refused() -> None:
    """The sentence names those there are."""
    with pytest.raises(BadInput, match=r"^Unknown entrant 'nop': choose one of 'a', 'b'\.$"):
        epochs_saved(made_up(a=arrives(1, 2), b=arrives(1, 2)), "nop")
