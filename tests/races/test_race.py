"""Races between samplers, and the tests before anyone says "better": against hand-made loops, SciPy and simulation."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.samplers import (
    BruteForceSampler,
    CmaEsSampler,
    GPSampler,
    GridSampler,
    RandomSampler,
    TPESampler,
)

from helpers.errors import BadInput
from helpers.problems.functions import find_function
from helpers.problems.table import DIGITS, load_benchmark
from helpers.races.race import RACES, Race, load_races, race
from helpers.races.recorded.record_races import (
    BUDGET,
    ENTRANTS,
    PLAN,
    PRUNED,
    PRUNERS,
    TwoObjectives,
    card,
    find_problem,
    run,
)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

BRANIN = find_function("branin")
TWO = {"Random": lambda seed: RandomSampler(seed=seed), "TPE": lambda seed: TPESampler(seed=seed)}


class Problem:
    """A function of a trial as a problem to be minimised; it counts how many trials wait for their value."""

    name, direction, optimum = "by hand", "minimize", 0.0

    def __init__(self, formula: Callable[[optuna.Trial], float]) -> None:
        self.formula, self.waiting = formula, []

    def __call__(self, trial: optuna.Trial) -> float:
        states = [other.state for other in trial.study.get_trials(deepcopy=False)]
        self.waiting.append(states.count(optuna.trial.TrialState.RUNNING))
        return self.formula(trial)


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Optuna says nothing about samplers that cannot do what is asked."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)


# The race


@pytest.mark.parametrize("problem", [BRANIN, load_benchmark()], ids=["minimised", "maximised"])
def test_a_race_is_a_loop_of_ask_and_tell(problem: object) -> None:
    """Every run is the study one would have written by hand; its regret is the distance of the best value so far."""
    seeds, trials = (3, 1, 4), 15
    raced = race(problem, TWO, trials=trials, seeds=seeds, quiet=True)
    assert (raced.problem, raced.names) == (problem.name, ("Random", "TPE"))
    assert raced.regret.shape == (2, 3, trials) and raced.seconds.shape == (2, trials)
    for (e, name), (s, seed) in product(enumerate(raced.names), enumerate(seeds)):
        study = optuna.create_study(direction=problem.direction, sampler=TWO[name](seed))
        study.optimize(problem, n_trials=trials)
        values, best = [trial.value for trial in study.trials], max if problem.direction == "maximize" else min
        by_hand = [abs(best(values[: n + 1]) - problem.optimum) for n in range(trials)]
        assert raced.regret[e, s] == pytest.approx(by_hand, abs=1e-12)


def test_the_same_seeds_run_the_same_race() -> None:
    """To the bit; other seeds run another."""
    first, again, other = (race(BRANIN, TWO, trials=12, seeds=seeds, quiet=True) for seeds in ((0, 1), (0, 1), (2, 3)))
    assert first.regret.tolist() == again.regret.tolist() != other.regret.tolist()


def test_regret_of_two_objectives_never_grows_and_never_is_negative() -> None:
    """It is the problem's own."""
    regret = race(TwoObjectives(load_benchmark()), TWO, trials=25, seeds=range(4), quiet=True).regret
    assert regret.min() >= 0 and (np.diff(regret, axis=2) <= 0).all()


def test_workers_ask_before_the_first_is_told() -> None:
    """Eight trials run at once, then eight more, then the four that are left; one worker waits for each."""
    for workers, waiting in ((1, [1] * 20), (8, [8] * 16 + [4] * 4)):
        problem = Problem(lambda trial: trial.suggest_float("x", 0, 1))
        race(problem, {"TPE": TWO["TPE"]}, trials=20, seeds=(0, 1), workers=workers, quiet=True)
        assert problem.waiting == waiting * 2


def test_a_grid_may_be_used_up() -> None:
    """It goes on with its points, and no one has to stop it."""
    grid = {"x0": [0.0, 3.0], "x1": [2.0]}
    raced = race(BRANIN, {"Grid": lambda seed: GridSampler(grid, seed=seed)}, trials=5, seeds=(0, 1), quiet=True)
    best = min(BRANIN.formula(np.array(point)) for point in product(*grid.values()))
    assert raced.regret[:, :, -1] == pytest.approx(best - BRANIN.optimum)


def test_seconds_are_those_of_a_suggestion() -> None:
    """A sampler that thinks for longer takes longer, in every trial."""

    class Slow(RandomSampler):
        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            time.sleep(0.02)

    raced = race(BRANIN, {"slow": lambda seed: Slow(seed=seed)} | TWO, trials=5, seeds=(0, 1, 2), quiet=True)
    assert (raced.seconds[0] >= 0.02).all() and (raced.seconds > 0).all()
    assert np.median(raced.seconds[1]) < 0.02


# What is refused

SEEDS = re.escape("A race needs an entrant and at least two seeds, all different: one run may be luck.")
NO_SAMPLER = re.escape("'TPE' makes no sampler: give a function such as lambda seed: TPESampler(seed=seed).")


@pytest.mark.parametrize(
    ("sentence", "nonsense"),
    [
        (SEEDS, [*({"seeds": seeds} for seeds in ((1,), (), (1, 2, 1))), {"entrants": {}}]),
        (
            NO_SAMPLER,
            [{"entrants": {"TPE": make}} for make in (TPESampler, TPESampler(seed=1), lambda seed: TPESampler)],
        ),
    ],
    ids=["seeds", "samplers"],
)
def test_a_race_that_shows_nothing_is_refused(sentence: str, nonsense: list[dict]) -> None:
    """One sentence that says what to give."""
    for changes in nonsense:
        with pytest.raises(BadInput, match=f"(?m)^{sentence}$"):
            race(**{"problem": BRANIN, "entrants": TWO, "trials": 3, "seeds": (0, 1), "quiet": True} | changes)


def _mixed(trial: optuna.Trial) -> float:
    chosen = trial.suggest_categorical("c", ("a", "b"))
    return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1) + (chosen == "b")


def _conditional(trial: optuna.Trial) -> float:
    return trial.suggest_float("x" if trial.suggest_categorical("c", ("a", "b")) == "a" else "y", 0, 1)


@pytest.mark.parametrize(
    ("sampler", "problem", "sentence"),
    [
        (lambda seed: GridSampler({"a": [1, 2]}), BRANIN, ".*x0"),
        (lambda seed: BruteForceSampler(seed=seed), BRANIN, ".*step"),
        (lambda seed: CmaEsSampler(seed=seed), TwoObjectives(load_benchmark()), ".*multi-objective"),
    ],
    ids=[
        "grid, other names",
        "brute force",
        "cma, two objectives",
    ],
)
def test_a_sampler_that_cannot_search_the_space_is_refused(sampler: Callable, problem: object, sentence: str) -> None:
    """By Optuna."""
    with pytest.raises(ValueError, match=f"^{sentence}"):
        race(problem, {"Entrant": sampler}, trials=12, seeds=(5, 1), quiet=True)


def gp(seed: int) -> GPSampler:
    """One that models early."""
    return GPSampler(seed=seed, n_startup_trials=4)


def test_a_sampler_that_can_is_not_refused() -> None:
    """Categories, conditions and whole numbers are searched by those that know them."""
    for sampler, formula in (
        (lambda seed: TPESampler(seed=seed), _conditional),
        (gp, _mixed),
        (lambda seed: BruteForceSampler(seed=seed), lambda trial: trial.suggest_int("x", 0, 30)),
    ):
        assert race(Problem(formula), {"S": sampler}, trials=10, seeds=(0, 1), quiet=True).regret.shape == (1, 2, 10)


def _wrong_bounds(trial: optuna.Trial) -> float:
    return trial.suggest_float("x", 1, 0)


def _changing_choices(trial: optuna.Trial) -> float:
    return trial.suggest_categorical("x", list(range(trial.number + 2)))


OWN_ERRORS = [
    (lambda trial: int("seven"), ValueError, "invalid literal for int"),
    (lambda trial: (_ for _ in ()).throw(RuntimeError("out of memory")), RuntimeError, "out of memory"),
    (lambda trial: load_benchmark().value({}), BadInput, "A configuration names exactly these"),
    (_wrong_bounds, ValueError, "`low <= high` must hold"),
    (_changing_choices, ValueError, "does not support dynamic value space"),
]


def test_an_error_of_the_objective_is_shown_as_it_is() -> None:
    """Nothing is added, and nothing hidden."""
    for formula, kind, message in OWN_ERRORS:
        with pytest.raises(kind, match=f"^{re.escape(message)}|^Categorical.*{re.escape(message)}") as caught:
            race(Problem(formula), TWO, trials=3, seeds=(0, 1), quiet=True)
        assert type(caught.value) is kind


# What a race says


def raced(*finals: object, names: str = "abcdefgh") -> Race:
    """A race of one trial with these final regrets."""
    regret = np.array(finals, dtype=float)[:, :, None]
    return Race("made up", tuple(names[: len(finals)]), regret, np.ones((len(finals), 1)))


def test_unknown_entrants_are_refused() -> None:
    """The sentence names those there are."""
    with pytest.raises(BadInput, match=r"^Unknown entrant 'z': choose one of 'a', 'b'\.$"):
        raced([1, 2], [1, 3]).final("z")


# The recorded races


@pytest.fixture(scope="module")
def recorded() -> dict[str, Race]:
    """The races of the course."""
    return load_races()


def test_the_recorded_races_are_those_that_were_planned(recorded: dict[str, Race]) -> None:
    """Names, entrants, 30 seeds, trials or epochs; regret falls and is never negative; each took some time."""
    assert list(recorded) == list(ENTRANTS) == [*PLAN, *PRUNED]
    assert set(PLAN) >= {"digits", "branin", "hartmann6", "rosenbrock5", "rosenbrock5 long"}
    assert set(recorded) >= {"digits, 8 workers", "two objectives", "pruners, Random", "pruners, TPE"}
    for name, entrants in ENTRANTS.items():
        one, trials = recorded[name], PLAN[name][2] if name in PLAN else BUDGET
        assert one.names == entrants
        assert one.regret.shape == (len(entrants), 30, trials) and one.seconds.shape == (len(entrants), trials)
        assert np.isfinite(one.regret).all() and (one.regret >= 0).all() and (np.diff(one.regret) <= 0).all()
        assert (one.seconds > 0).all()
    assert set(recorded["digits"].names) == {"Random", "QMC", "TPE", "GP", "CMA-ES"}
    assert set(recorded["rosenbrock5 long"].names) == {"Random", "QMC", "TPE", "CMA-ES"}
    assert set(recorded["two objectives"].names) == {"Random", "TPE", "NSGA-II"}


def test_the_card_names_every_race_and_entrant() -> None:
    """Of pruners too; the stored card differs from the one that would be written in what is measured alone."""
    stored = RACES.with_suffix(".md").read_text(encoding="utf-8")
    for name, entrants in ENTRANTS.items():
        assert name in stored and all(entrant in stored for entrant in entrants), name
    how = "**How made.**"
    assert stored.partition(how)[0] == card(0).partition(how)[0] and f"{BUDGET} epochs" in stored


def test_the_races_of_pruners_begin_alike(recorded: dict[str, Race]) -> None:
    """Until a pruner has five finished trials, or cuts one, its first trials are those of the race without one."""
    for name in PRUNED:
        start = recorded[name].regret[[recorded[name].names.index(one) for one in ("no pruner", "median")], :, :135]
        assert (start[0] == start[1]).all()
        assert len(set(recorded[name].final("no pruner"))) > 1


CHEAP = [(name, e) for name, plan in PLAN.items() for e in plan[1] if e != "GP" and not (plan[2] > 100 and e == "TPE")]
HANDFUL = random.Random().randrange(2**32)  # another handful in each run; the number is in a failure's message


@pytest.mark.slow
def test_a_handful_of_runs_gives_the_record_again(recorded: dict[str, Race]) -> None:
    """Eight entrants of races of samplers and three of races of pruners, two seeds each, as far as processors agree:
    of CMA-ES the first 20 trials (a bit of its eigenvectors becomes another suggestion), of TPE the ten that it draws
    at random (it orders equal integers as the processor does); with a pruner they are 36 epochs, 27 of the first."""
    rng = random.Random(HANDFUL)
    pruned = [(name, entrant) for name in PRUNED for entrant in PRUNERS]
    for name, entrant in rng.sample(CHEAP, 8) + rng.sample(pruned, 3):
        seeds = rng.sample(range(30), 2)
        again, before = run(name, entrant, seeds=seeds).regret[0], recorded[name]
        stored = before.regret[before.names.index(entrant), seeds]
        alike = 36 if "TPE" in name else {"CMA-ES": 20, "TPE": 10}.get(entrant)
        again, stored = again[:, :alike], stored[:, :alike]
        assert again == pytest.approx(stored, rel=1e-5, abs=1e-6), f"{HANDFUL}: {name}, {entrant}, {seeds}"


@pytest.mark.slow
def test_the_gp_gives_the_record_again(recorded: dict[str, Race], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first 20 trials of two runs on branin: longer ones drift apart between processors."""
    problem, entrants, _, workers = PLAN["branin"]
    monkeypatch.setitem(PLAN, "branin", (problem, entrants, 20, workers))
    seeds = random.Random(HANDFUL).sample(range(30), 2)
    again, before = run("branin", "GP", seeds=seeds).regret[0], recorded["branin"]
    stored = before.regret[before.names.index("GP"), seeds, :20]
    assert again == pytest.approx(stored, rel=1e-3, abs=1e-4), f"{HANDFUL}: {seeds}"


def test_every_recorded_problem_is_known() -> None:
    """By the name that the plan gives it."""
    assert all(find_problem(plan[0]).name == plan[0] for plan in PLAN.values())


def test_missing_or_damaged_races_are_refused(tmp_path: Path) -> None:
    """One sentence with what to do; also where the file is whole and lacks what is looked for."""
    for content in (None, RACES.read_bytes()[:5000], DIGITS.file.read_bytes()):
        path = tmp_path / f"{len(content or b'')}.npz"
        if content:
            path.write_bytes(content)
        with pytest.raises(
            BadInput, match=r"^The recorded races .*\.npz are missing or damaged: get .* `make benchmark`\.$"
        ):
            load_races(path)
