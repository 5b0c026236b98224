"""Two objectives: the front and the hypervolume against brute force, the sizes against real networks."""

from __future__ import annotations

from itertools import product
from math import log10

import numpy as np
import optuna
import pytest

from helpers.learn import course_seed
from helpers.problems.table import SPACE, load_benchmark
from helpers.problems.two_objectives import REFERENCE, hypervolume, pareto_front, weights
from helpers.races.recorded.record_races import TwoObjectives
from helpers.training.models import mlp

Points = np.ndarray


def random_points(n: int, levels: int, seed: int) -> Points:
    """Accuracies and sizes on so many levels each: few levels make ties and duplicates."""
    drawn = np.random.default_rng([course_seed(), n, levels, seed]).integers(levels, size=(n, 2)) / levels
    return drawn * (1.0, 4.0)


def front_by_hand(points: Points) -> list[tuple[float, float]]:
    """Every pair against every other: kept is what no other beats in one value without losing in the other."""
    kept = {
        (a, s)
        for a, s in points.tolist()
        if not any(b >= a and t <= s and (b, t) != (a, s) for b, t in points.tolist())
    }
    return sorted(kept, key=lambda point: point[1])


CASES = [*product((1, 2, 5, 40), (2, 4, 10**6), (0, 1)), (200, 30, 0), (200, 10**6, 0)]


def test_front_and_hypervolume_are_those_of_brute_force() -> None:
    """Each point that nothing beats, once, the smallest first, with ties and duplicates; and the area cut along every
    point, of which a cell counts when some point beats its far corner."""
    for case in CASES:
        points = random_points(*case)
        assert [tuple(point) for point in pareto_front(points).tolist()] == front_by_hand(points), case
        accuracies, sizes = np.unique([REFERENCE[0], *points[:, 0]]), np.unique([REFERENCE[1], *points[:, 1]])
        right, small = accuracies[1:, None, None], sizes[None, :-1, None]
        beaten = ((points[:, 0] >= right) & (points[:, 1] <= small)).any(axis=2)
        area = float((np.outer(np.diff(accuracies), np.diff(sizes)) * beaten).sum())
        assert hypervolume(points) == pytest.approx(area), case


def test_a_hypervolume_worked_out_by_hand() -> None:
    """Two points: a rectangle each, without what they share."""
    assert hypervolume(np.array([[0.5, 2.2], [0.9, 3.2]])) == pytest.approx(0.5 * 2 + 0.4 * 1)


def test_weights_are_those_of_the_network() -> None:
    """Counted in the network that is really built, biases included."""
    for width, depth in product(SPACE["width"], SPACE["depth"]):
        network = mlp((1, 8, 8), 10, width=width, depth=depth, dropout=0.2)
        assert weights({"width": width, "depth": depth}) == sum(tensor.numel() for tensor in network.parameters())


@pytest.fixture(scope="module")
def problem() -> TwoObjectives:
    """Both objectives on the recorded benchmark."""
    return TwoObjectives(load_benchmark())


@pytest.fixture(scope="module")
def everything(problem: TwoObjectives) -> Points:
    """Accuracy and size of every configuration."""
    rows = problem.table.frame()
    sizes = [log10(weights(config)) for config in rows[["width", "depth"]].to_dict("records")]
    return np.column_stack([rows["validation_accuracy"], sizes])


def test_the_reference_is_worse_than_every_configuration(everything: Points) -> None:
    """So that each of them adds to the hypervolume."""
    assert everything[:, 0].min() > REFERENCE[0]
    assert everything[:, 1].max() < REFERENCE[1]


def test_the_best_front_is_beaten_by_no_configuration(problem: TwoObjectives, everything: Points) -> None:
    """It is the front of all, its ends are the most accurate and the smallest, and no set has more hypervolume."""
    assert problem.optimum == hypervolume(everything)
    assert problem.front[-1, 0] == everything[:, 0].max() and problem.front[0, 1] == everything[:, 1].min()
    for configuration in problem.front:
        as_good = (everything[:, 0] >= configuration[0]) & (everything[:, 1] <= configuration[1])
        assert (everything[as_good] == configuration).all()
    rng = np.random.default_rng(course_seed())
    chosen = [rng.choice(everything, size=size) for size in (1, 10, 1000)]
    assert all(hypervolume(some) <= problem.optimum for some in chosen)


def test_the_regret_is_the_missing_share(problem: TwoObjectives, everything: Points) -> None:
    """From nearly 1 down to exactly 0 when the whole front is found, never up, never below 0."""
    rng = np.random.default_rng(course_seed())
    for values in (rng.choice(everything, size=100), rng.permutation(problem.front)):
        regret = problem.regret(values)
        assert regret.shape == (len(values),)
        assert (np.diff(regret) <= 0).all() and regret.min() >= 0 and regret.max() < 1
        assert regret[0] == pytest.approx(1 - values[0, 0] * (REFERENCE[1] - values[0, 1]) / problem.optimum)
    assert regret[-1] == 0


def test_a_study_over_both_objectives(problem: TwoObjectives) -> None:
    """A trial returns what the table and the count of weights say of the nearest configuration."""
    study = optuna.create_study(directions=problem.directions, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(problem, n_trials=5)
    for trial in study.trials:
        config = problem.table.nearest(trial.params)
        assert trial.values == [problem.table.value(config), log10(weights(config))]
