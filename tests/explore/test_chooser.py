"""The sampler chooser: its rules against Optuna's documentation, Optuna itself and the recorded races."""

from __future__ import annotations

import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby, pairwise, product
from pathlib import Path

import numpy as np
import optuna
import plotly.graph_objects as go
import pytest
import torch
from optuna.samplers import BaseSampler
from optuna.trial import Trial
from scipy.stats import wilcoxon

from helpers.explore import chooser
from helpers.explore.chooser import (
    BLIND,
    CLASSES,
    LONG,
    QUESTIONS,
    RULES,
    WIDEST,
    Choice,
    SamplerChooser,
    choose,
    draw,
)
from helpers.races.race import Race, load_races
from tests.explore.test_explorable import move

IMAGE = Path(__file__).parents[2] / "images" / "sampler_cheat_sheet.svg"
EVERYTHING = [dict(zip(QUESTIONS, answers, strict=True)) for answers in product(*QUESTIONS.values())]
TINY, SHORTEST, LONGEST = (QUESTIONS["trials"][n] for n in (0, 1, 4))
NUMBERS, CATEGORICAL, CONDITIONAL = QUESTIONS["kinds"]
SEVERAL, AT_ONCE = QUESTIONS["workers"][1:]
ONE, CONSTRAINTS, OBJECTIVES = QUESTIONS["goal"]
CHEAP, SECONDS, COSTLY = QUESTIONS["cost"]

# Optuna's own table, documentation of optuna.samplers as of 5.0 (docs/source/reference/samplers/index.rst, July 2026):
# the trials that a sampler is recommended for, and what of the answers it does inefficiently ("▲") or not at all ("x").
# All samplers have a check for batch and for distributed optimization. Floats count for every answer to "kinds".
ANY = (0, np.inf)
DOCUMENTED: dict[str, tuple[tuple[float, float], dict[str, str]]] = {
    "Random": (ANY, {CONSTRAINTS: "▲"}),
    "QMC": (ANY, {CATEGORICAL: "▲", CONDITIONAL: "▲", CONSTRAINTS: "▲"}),
    "BruteForce": (ANY, {CONSTRAINTS: "▲", "100 to 500": "x", SHORTEST: "x", **dict.fromkeys(LONG, "x")}),
    "TPE": ((100, 1000), {}),
    "GP": ((0, 500), {CONDITIONAL: "▲"}),
    "CMA-ES": ((1000, 10000), {CATEGORICAL: "▲", CONDITIONAL: "▲", CONSTRAINTS: "▲", OBJECTIVES: "x"}),
    "NSGA-II": (
        (100, 10000),
        {NUMBERS: "▲", CATEGORICAL: "▲", CONDITIONAL: "▲", ONE: "▲", CONSTRAINTS: "▲"},
    ),
}
BUDGETS = {TINY: ANY, SHORTEST: (0, 100), "100 to 500": (100, 500), "500 to 1000": (500, 1000), LONGEST: (1000, 10000)}
# Where the chooser goes against the table, and why.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("TPE", SHORTEST): "it learns from trial 11 on, and beats Random at 60 in every race with one worker",
    ("TPE", LONGEST): "no sampler that learns has a check beyond 1000 trials; Optuna's AutoSampler stays with TPE too",
    ("CMA-ES", "500 to 1000"): "it leads the long race from 500 trials on; AutoSampler takes it from 250 on",
    ("NSGA-II", NUMBERS): "it beats TPE at 500 trials of the race; AutoSampler takes it from 250 on",
    ("NSGA-II", CATEGORICAL): "the triangle is for the floats beside them; as above",
    ("QMC", CONSTRAINTS): "all trials start at once: no sampler can know which are feasible",
    ("Random", CONSTRAINTS): "as for QMC",
    ("BruteForce", CONSTRAINTS): "it tries the feasible ones too",
}


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study, and one thread."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    torch.set_num_threads(1)


def named(answers: Mapping[str, str]) -> str:
    """Answers as the name of a case."""
    return ", ".join(answers.values())


def refused(sampler: str, answers: Mapping[str, str]) -> set[str]:
    """The answers that the documentation does not cover with a check or with the recommended number of trials."""
    (low, high), marks = DOCUMENTED[sampler]
    fewest, most = BUDGETS[answers["trials"]]
    beyond = {answers["trials"]} if answers["trials"] != TINY and not low <= fewest < most <= high else set()
    return beyond | (set(answers.values()) & set(marks))


# The rules


def test_every_branch_is_documented_support() -> None:
    """No triangle, no cross, no budget beyond the recommended one, for any answers, but for the listed exceptions."""
    used = set()
    for answers in EVERYTHING:
        sampler = choose(answers).sampler
        against = {(sampler, answer) for answer in refused(sampler, answers)}
        assert against <= set(EXCEPTIONS), named(answers)
        used |= against
    assert used == set(EXCEPTIONS)


def test_an_exception_is_made_only_for_lack_of_a_sampler_that_learns() -> None:
    """Wherever a sampler that learns has all checks, the one recommended has too, or beats it in a race."""
    for answers in EVERYTHING:
        sampler = choose(answers).sampler
        if answers["trials"] == TINY or answers["workers"] == AT_ONCE or not refused(sampler, answers):
            continue
        fit = {name for name in DOCUMENTED if name not in (*BLIND, "BruteForce") and not refused(name, answers)}
        excused = {"TPE"} if sampler in ("CMA-ES", "NSGA-II") else {"GP"} if not worth_a_gp(answers) else set()
        assert fit <= excused, f"{named(answers)}: {sampler} instead of {fit}"


def worth_a_gp(answers: Mapping[str, str]) -> bool:
    """GP's suggestions cost a good part of a second, for several objectives seconds."""
    return answers["cost"] != CHEAP and answers["goal"] != OBJECTIVES


def test_every_rule_is_needed() -> None:
    """Each is the first that holds for some answers, and the last holds for all."""
    conditions = [partial(chooser.holds, rule) for rule in RULES]
    first = [next(n for n, holds in enumerate(conditions) if holds(answers)) for answers in EVERYTHING]
    assert set(first) == set(range(len(RULES)))
    assert all(conditions[-1](answers) for answers in EVERYTHING)
    assert {choose(answers).sampler for answers in EVERYTHING} == set(DOCUMENTED)


def test_every_question_matters() -> None:
    """For each question there are answers to the others with which it changes what is said."""
    for question, options in QUESTIONS.items():
        assert any(len({choose({**answers, question: o}) for o in options}) > 1 for answers in EVERYTHING), question


def class_of(name: str) -> str:
    """The class of a sampler."""
    return f"{CLASSES.get(name, name)}Sampler"


def made(code: str) -> BaseSampler:
    """What the line of code makes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return eval(code, {"optuna": optuna, "SEED": 3})


def test_the_line_of_code() -> None:
    """It makes the recommended sampler; workers share no seed, unless it is QMC's, who share one sequence."""
    for answers in EVERYTHING:
        choice = choose(answers)
        assert type(made(choice.code)).__name__ == class_of(choice.sampler)
        assert ("SEED" in choice.code) == (answers["workers"] == "one" or choice.sampler == "QMC")


def test_reason_and_runner_up() -> None:
    """There is always a reason, the runner-up is another sampler, and who asks for more than was raced is told so."""
    for answers in EVERYTHING:
        choice = choose(answers)
        assert 20 < len(choice.reason) < 250
        assert not re.match(rf"{choice.sampler}\b", choice.runner_up)
        assert (WIDEST in choice.reason) == (answers["parameters"] == "more than 10" and bool(choice.evidence))


# Optuna itself


def objective(kinds: str, goal: str, finite: bool) -> Callable[[Trial], float | tuple[float, float]]:
    """A small objective with what the answers ask for; `finite` has 27 combinations or more."""
    step = 0.5 if finite else None

    def evaluate(trial: Trial) -> float | tuple[float, float]:
        x = trial.suggest_float("x", 0, 1, step=step)
        y = trial.suggest_int("y", 0, 2)
        z = trial.suggest_float("z", 0, 1, step=step)
        value = (x - 0.3) ** 2 + (y - z) ** 2
        if kinds != NUMBERS:
            value += trial.suggest_categorical("kind", ["a", "b", "c"]) == "a"
        if kinds == CONDITIONAL and trial.params["kind"] == "b":
            value += trial.suggest_float("only with b", 0, 1, step=step)
        if goal == CONSTRAINTS:
            trial.set_constraint("x below a half", x - 0.5)
        return (value, x + y) if goal == OBJECTIVES else value

    return evaluate


# Deduplicated: what a sampler has to do for some answers for which it is recommended.
JOBS = sorted({(choose(a).sampler, choose(a).code, a["kinds"], a["goal"], a["workers"]) for a in EVERYTHING})


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code", "kinds", "goal", "workers"), JOBS, ids=lambda value: str(value))
def test_the_recommended_sampler_runs(name: str, code: str, kinds: str, goal: str, workers: str) -> None:
    """15 trials on a study with the features of the answers, asked one by one, four at a time or all at once.

    GP, CMA-ES, QMC and NSGA-II say which parameters they model; those left out would be drawn at random.
    """
    sampler = made(code)
    study = optuna.create_study(directions=["minimize"] * (1 + (goal == OBJECTIVES)), sampler=sampler)
    evaluate = objective(kinds, goal, finite=name == "BruteForce")
    at_once = {"one": 1, SEVERAL: 4, AT_ONCE: 15}[workers]
    while len(study.trials) < 15:
        batch = [study.ask() for _ in range(min(at_once, 15 - len(study.trials)))]
        for trial in batch:
            study.tell(trial, evaluate(trial))
    assert len({tuple(trial.params.items()) for trial in study.trials}) > 10
    assert all(bool(trial.constraints) == (goal == CONSTRAINTS) for trial in study.trials)
    assert study.best_trials
    if name in ("GP", "CMA-ES", "QMC", "NSGA-II"):
        shared = set.intersection(*(set(trial.params) for trial in study.trials))
        assert set(sampler.infer_relative_search_space(study, study.trials[-1])) == shared


@pytest.mark.parametrize(("name", "kinds", "goal"), [("CMA-ES", NUMBERS, OBJECTIVES), ("BruteForce", NUMBERS, ONE)])
def test_the_crosses_are_errors(name: str, kinds: str, goal: str) -> None:
    """What the documentation crosses out fails: CMA-ES on several objectives, BruteForce without a finite space."""
    sampler = made(f"optuna.samplers.{class_of(name)}()")
    study = optuna.create_study(directions=["minimize"] * (1 + (goal == OBJECTIVES)), sampler=sampler)
    with pytest.raises(ValueError, match=r"multi-objective|infinite"):
        study.optimize(objective(kinds, goal, finite=False), n_trials=3)


def test_brute_force_tries_everything() -> None:
    """It stops by itself, with every combination tried once, conditional ones too."""
    choice = choose({**EVERYTHING[0], "kinds": CONDITIONAL})
    study = optuna.create_study(sampler=made(choice.code))
    study.optimize(objective(CONDITIONAL, ONE, finite=True), n_trials=1000)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == len(study.trials) == 27 * (2 + 3)


# The evidence

MIDDLE = {SHORTEST: 50, "100 to 500": 300, "500 to 1000": 750, LONGEST: 1000}  # of each answer, as far as was raced


def comparable(answers: Mapping[str, str], race: Race) -> list[str]:
    """The entrants that could be chosen: documented for these answers, or one of the exceptions above.

    Where all trials start at once only those that look at no result can do what they do in the race; where a trial
    takes milliseconds GP would be the cost of the study.
    """
    if answers["workers"] == AT_ONCE:
        return list(BLIND)
    fit = [name for name in race.names if {(name, answer) for answer in refused(name, answers)} <= set(EXCEPTIONS)]
    return [name for name in fit if name != "GP" or worth_a_gp(answers)]


@pytest.mark.parametrize("name", sorted({choose(answers).evidence for answers in EVERYTHING} - {""}))
def test_the_recommended_sampler_is_among_the_best_of_its_race(name: str) -> None:
    """At the middle of the answered number of trials, or at the end of the race if that comes first.

    Its median regret is the lowest, or chance explains the difference (Wilcoxon signed-rank, p of 0.05 or more).
    """
    race = load_races()[name]
    for answers in EVERYTHING:
        choice = choose(answers)
        if choice.evidence != name:
            continue
        trial = min(MIDDLE[answers["trials"]], race.regret.shape[2])
        regrets = dict(zip(race.names, race.regret[:, :, trial - 1], strict=True))
        own = regrets[choice.sampler]
        for rival in comparable(answers, race):
            if np.median(regrets[rival]) < np.median(own):
                p = wilcoxon(own - regrets[rival]).pvalue
                assert p >= 0.05, f"{named(answers)}: {rival} beats {choice.sampler}"


def test_a_suggestion_of_gp_is_what_cheap_trials_cannot_bear() -> None:
    """It takes more than 20 milliseconds, and ten times as long as TPE's, in every race that has both."""
    for race in load_races().values():
        if "GP" in race.names:
            gp, tpe = (np.median(race.seconds[race.names.index(name)]) for name in ("GP", "TPE"))
            assert gp > 0.02 and gp > 10 * tpe, race.problem


# The widget


@pytest.fixture
def races(monkeypatch: pytest.MonkeyPatch) -> dict[str, Race]:
    """Made-up races instead of the recorded ones, with their names: 5 seeds of 40 trials."""
    random = np.random.default_rng(0)
    found = {}
    for name in {choose(answers).evidence for answers in EVERYTHING} - {""}:
        names = ("Random", "TPE", "NSGA-II") if name == "two objectives" else ("Random", "QMC", "TPE", "CMA-ES", "GP")
        regret = np.minimum.accumulate(random.exponential(size=(len(names), 5, 40)), axis=2)
        found[name] = Race(name, names, regret, np.full((len(names), 40), 0.01))
    monkeypatch.setattr(chooser, "load_races", lambda: found)
    return found


def shows_its_choice(figure: go.Figure, said: str, choice: Choice, races: Mapping[str, Race]) -> bool:
    """Title, lines and sentence are those of the choice and of the race it names."""
    assert said.startswith(f"{choice.sampler}: {choice.code}. {choice.reason}")
    assert said.endswith(f" Runner-up: {choice.runner_up}." if choice.runner_up else choice.reason)
    lines = {line.name: line for line in figure.data if line.name}
    if not choice.evidence:
        return not lines and "No race is needed" in figure.layout.title.text
    race = races[choice.evidence]
    assert set(lines) == set(race.names if choice.sampler not in BLIND else BLIND)
    floor = race.regret[[race.names.index(name) for name in lines]]
    floor = floor[floor > 0].min()
    for name, line in lines.items():
        medians = np.median(race.regret[race.names.index(name)], axis=0)[np.array(line.x) - 1]
        assert line.y == pytest.approx(medians.clip(floor))
        assert (line.line.width > 2) == (name == choice.sampler)
    labels = {note.text.partition(" ")[2] for note in figure.layout.annotations}
    return labels == set(lines) and f"{choice.evidence}, 5 seeds" in figure.layout.title.text


def test_every_choice_is_drawn(races: dict[str, Race]) -> None:
    """For some answers that lead to each race and sampler, text and picture are those of the choice."""
    different = {(choose(answers).sampler, choose(answers).evidence): answers for answers in EVERYTHING}
    assert len(different) > 6
    for answers in different.values():
        assert shows_its_choice(*draw(**answers), choose(answers), races), named(answers)


def test_the_chooser_has_all_answers_and_says_what_it_chooses(races: dict[str, Race]) -> None:
    """Six rows of buttons; below them the sampler, the line of code and the reason."""
    shown = SamplerChooser()
    assert {question: row.options for question, row in shown.controls.items()} == QUESTIONS
    assert move(shown, workers=AT_ONCE).message.startswith("QMC: ")
    choice = choose(shown.values)
    assert shown.message.startswith(f"{choice.sampler}: {choice.code}. {choice.reason}")


def test_the_recorded_races_are_shown() -> None:
    """The chooser draws what is recorded, and the title counts the seeds."""
    shown = SamplerChooser()
    name = choose(shown.values).evidence
    seeds = load_races()[name].regret.shape[1]
    assert shown.figure.layout.title.text == f"The evidence: {name}, {seeds} seeds, median and quartiles"
    assert seeds >= 30


# The picture


def words(element: ET.Element, tag: str) -> str:
    """The text of all elements of one kind."""
    return " ".join(found.text or "" for found in element.iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


@pytest.mark.parametrize("tag", ["text", "desc"])
def test_the_picture_says_what_the_chooser_says(tag: str) -> None:
    """Every sampler, in the order of the rules, and the numbers of trials at which the recommendation changes."""
    said = words(ET.parse(IMAGE).getroot(), tag)
    order = [rule["sampler"] for rule in RULES]
    named_samplers = re.findall("|".join(map(re.escape, set(order))), said.replace("NSGA-III", ""))
    assert sorted(set(named_samplers)) == sorted(set(order))
    assert [sampler for sampler, _ in groupby(order)] == named_samplers  # the last rules end at the same sampler
    assert {int(number) for number in re.findall(r"\b\d{2,}\b", said)} == thresholds()


def thresholds() -> set[int]:
    """The numbers of trials at which the sampler changes for some answers."""
    counted = QUESTIONS["trials"][1:]
    return {
        int(re.findall(r"\d+", fewer)[-1])
        for fewer, more in pairwise(counted)
        if any(choose({**a, "trials": fewer}).sampler != choose({**a, "trials": more}).sampler for a in EVERYTHING)
    }
