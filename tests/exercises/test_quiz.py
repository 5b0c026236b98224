"""The exit quiz: each right answer is proved by running Optuna, and the device behaves whatever is answered."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler, CmaEsSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.trial import Trial, TrialState, create_trial
from scipy.stats import ttest_1samp

from helpers.exercises.questions import ASKED_BEFORE, QUESTIONS
from helpers.explore.board import QUIZ, gain
from helpers.fleet import open_storage
from helpers.fleet.storage import VARIABLE
from helpers.inside.tpe import observe_tpe
from helpers.learn import Question, Quiz, QuizBefore
from helpers.learn.quiz import BEFORE, answers_before
from helpers.problems.functions import FUNCTIONS
from helpers.problems.table import load_benchmark
from tests.tools.store_outputs import ROOT

PROOFS: dict[str, Callable[[Path], str]] = {}
NB = "01_first_study.ipynb"
BY_KEY = {question.key: question for question in QUESTIONS}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Optuna reports no single trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def proves(key: str) -> Callable[[Callable], Callable]:
    """Registers a function that runs Optuna and returns the option it found to be true."""

    def register(proof: Callable[[Path], str]) -> Callable[[Path], str]:
        PROOFS[key] = proof
        return proof

    return register


def drawn(sampler: BaseSampler, value: Callable[[float], float], trials: int) -> list[float]:
    """The places that a sampler takes on one float from 0 to 1, with the values they are told to have."""
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: value(trial.suggest_float("x", 0, 1)), n_trials=trials)
    return [trial.params["x"] for trial in study.trials]


@proves("knows")
def _(folder: Path) -> str:
    """Two objectives that agree at the places asked are the same to TPE; other values are not."""

    def slow(x: float) -> float:
        return sum([(x - 0.3) ** 2] + [0.0] * 1000)

    one, other = (drawn(TPESampler(seed=0), value, 30) for value in (lambda x: (x - 0.3) ** 2, slow))
    assert one == other != drawn(TPESampler(seed=0), lambda x: -x, 30)
    return "The parameters and the values of earlier trials, and what they reported"


@proves("optimism")
def _(folder: Path) -> str:
    """Twenty searches of 60 trials whose every value is 0.96 and noise: the best is above the mean of fresh runs."""
    lower = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=seed))

        def noisy(x: float, rng: np.random.Generator = rng) -> float:
            return 0.96 - 0.001 * x + rng.normal(0, 0.01)

        study.optimize(lambda trial, noisy=noisy: noisy(trial.suggest_float("x", 0, 1)), n_trials=60)
        again = [noisy(study.best_params["x"]) for _ in range(10)]
        lower += np.mean(again) < study.best_value
    assert lower >= 19
    return "most likely lower than 0.97"


@proves("nan")
def _(folder: Path) -> str:
    """The states of five trials, of which the fourth returned nan."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.optimize(lambda trial: float("nan") if trial.number == 3 else trial.suggest_float("x", 0, 1), n_trials=5)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3 + ["FAIL", "COMPLETE"]
    return "Trial 3 fails, and the study goes on"


@proves("log")
def _(folder: Path) -> str:
    """The share of 2,000 draws."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    rates = [study.ask().suggest_float("rate", 1e-4, 1, log=True) for _ in range(2000)]
    assert np.mean(np.array(rates) < 0.01) == pytest.approx(0.5, abs=0.05)
    return "a half"


@proves("reused")
def _(folder: Path) -> str:
    """Both calls, in one trial."""
    trial = optuna.create_study(sampler=RandomSampler(seed=0)).ask()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = trial.suggest_int("width", 4, 8), trial.suggest_int("width", 16, 64)
    assert first == second <= 8 and list(trial.params) == ["width"]
    return "returns the value of the first call again"


@proves("constraint")
def _(folder: Path) -> str:
    """Of 4999 and 5000 and 5001 weights with falling values, the best feasible has 5000."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for weights in (4999, 5000, 5001):
        trial = study.ask()
        trial.set_constraint("size", weights - 5000)
        study.tell(trial, -float(weights))
    assert study.best_value == -5000
    return "When weights are at most 5000"


@proves("startup")
def _(folder: Path) -> str:
    """The first ten do not listen to the values; later ones do. They fill the range as random draws do."""
    one, other = (drawn(TPESampler(seed=0), value, 30) for value in (lambda x: x, lambda x: -x))
    assert one[:10] == other[:10] and one[10:] != other[10:]
    firsts = [x for seed in range(30) for x in drawn(TPESampler(seed=seed), lambda x: x, 10)]
    assert len(set(firsts)) == 300 and np.quantile(firsts, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.06)
    return "At random, whatever their values are"


@proves("cmaes")
def _(folder: Path) -> str:
    """It is not in the space of the model, and all choices go on coming, the bad one too."""

    def objective(trial: Trial) -> float:
        bad = trial.suggest_categorical("kind", ["good", "bad"]) == "bad"
        return 10 * bad + sum(trial.suggest_float(name, 0, 1) for name in "xy")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = CmaEsSampler(seed=0, warn_independent_sampling=False)
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=120)
    assert set(sampler.infer_relative_search_space(study, study.trials[-1])) == {"x", "y"}
    late = Counter(trial.params["kind"] for trial in study.trials[60:])
    assert 15 <= late["bad"] <= 45
    return "drawn at random, apart from the model"


@proves("ratio")
def _(folder: Path) -> str:
    """Of the candidates of every step, the taken one is that with the highest log l - log g; often not of log l."""
    function = next(function for function in FUNCTIONS.values() if len(function.low) == 1)
    steps = [step for step in observe_tpe(function, 40, 0) if step.good]
    assert all(step.taken == pytest.approx(step.candidates[np.argmax(step.scores)]) for step in steps)
    log_l = [np.interp(step.candidates, step.grid, step.log_l) for step in steps]
    assert any(np.argmax(density) != np.argmax(step.scores) for density, step in zip(log_l, steps, strict=True))
    return "the highest l(x) / g(x)"


@proves("luck")
def _(folder: Path) -> str:
    """Four hundred such races of eight runs a name: so many of twenty have a winner."""

    def ends(first: int) -> list[float]:
        return [min(drawn(RandomSampler(seed=first + n), lambda x: x, 3)) for n in range(8)]

    races = [np.subtract(ends(16 * n), ends(16 * n + 8)) for n in range(400)]
    assert 20 * np.mean([ttest_1samp(gap, 0).pvalue < 0.05 for gap in races]) == pytest.approx(1, abs=0.7)
    return "About one"


@proves("pruned best")
def _(folder: Path) -> str:
    """One completed at 0.94, one pruned at 0.95."""
    study = optuna.create_study(direction="maximize")
    study.add_trial(create_trial(value=0.94))
    study.add_trial(create_trial(state=TrialState.PRUNED, value=0.95, intermediate_values={0: 0.95}))
    assert study.best_trial.number == 0
    return "the completed one"


@proves("pruned value")
def _(folder: Path) -> str:
    """A trial that stops itself."""
    study = optuna.create_study(direction="maximize")

    def objective(trial: Trial) -> float:
        for step, value in enumerate((0.3, 0.8, 0.6)):
            trial.report(value, step)
        raise optuna.TrialPruned

    study.optimize(objective, n_trials=1)
    assert study.trials[0].value == 0.6
    return "0.6, its last report"


@proves("workers")
def _(folder: Path) -> str:
    """Three that open the same study."""
    storage = open_storage(f"journal:///{folder}/study")
    for seed in range(3):
        study = optuna.create_study(study_name="s", storage=storage, load_if_exists=True)
        study.sampler = RandomSampler(seed=seed)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=10)
    assert len(study.trials) == 30
    return "30"


@proves("killed")
def _(folder: Path) -> str:
    """A program that kills itself while its trial runs; afterwards another trial is asked for."""
    program = """import os, signal, sys
from helpers.fleet import open_storage
import optuna
study = optuna.create_study(study_name="s", storage=open_storage(sys.argv[1]))
study.optimize(lambda trial: os.kill(os.getpid(), signal.SIGKILL), n_trials=2)"""
    url = f"journal:///{folder}/study"
    killed = subprocess.run([sys.executable, "-c", program, url], cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    study = optuna.load_study(study_name="s", storage=open_storage(url))
    study.optimize(lambda trial: 0.0, n_trials=1)
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "COMPLETE"]
    study.tell(0, state=TrialState.FAIL)
    assert study.trials[0].state == TrialState.FAIL
    return "It stays RUNNING until it is told to have failed"


@proves("handed over")
def _(folder: Path) -> str:
    """Direction and trials are there again; sampler and pruner are not those of the first program."""
    storage = open_storage(f"journal:///{folder}/study")
    first = optuna.create_study(
        study_name="s", storage=storage, direction="maximize", sampler=CmaEsSampler(seed=0), pruner=NopPruner()
    )
    first.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    again = optuna.load_study(study_name="s", storage=storage)
    assert again.direction == first.direction and len(again.trials) == 3
    assert not isinstance(again.sampler, CmaEsSampler) and not isinstance(again.pruner, NopPruner)
    return "The sampler and the pruner"


@proves("history")
def _(folder: Path) -> str:
    """The dots of the figure."""
    study = optuna.create_study()
    for n in range(50):
        state = TrialState.COMPLETE if n % 5 < 3 else TrialState.PRUNED
        study.add_trial(create_trial(state=state, value=float(n), intermediate_values={0: float(n)}))
    dots = optuna.visualization.plot_optimization_history(study).data[0]
    assert dots.mode == "markers" and len(dots.x) == 30
    return "30"


@proves("dummy")
def _(folder: Path) -> str:
    """Twenty studies of a² + 0.05 momentum² + 0 dummy: the dummy comes so high in some, and above momentum in some."""

    def weighed(trial: Trial) -> float:
        a, momentum, _ = (trial.suggest_float(name, 0, 1) for name in ("a", "momentum", "dummy"))
        return a**2 + 0.05 * momentum**2

    found = []
    for seed in range(20):
        study = optuna.create_study(sampler=TPESampler(seed=seed))
        study.optimize(weighed, n_trials=30)
        found.append(optuna.importance.get_param_importances(study))
    assert sum(shares["dummy"] >= 0.12 for shares in found) >= 4
    assert 2 <= sum(shares["dummy"] > shares["momentum"] for shares in found) <= 16
    return "Nothing yet: noise alone reaches as high"


@proves("fair")
def _(folder: Path) -> str:
    """At one rate, without momentum, 0.4 apart on the recorded digits; all tuned along, hardly."""
    table = load_benchmark()

    def apart(details: dict[str, float]) -> float:
        found = []
        for depth in (1, 3):
            with warnings.catch_warnings(action="ignore"):
                sampler = PartialFixedSampler({"depth": depth, **details}, RandomSampler(seed=0))
            study = optuna.create_study(direction="maximize", sampler=sampler)
            study.optimize(table, n_trials=60)
            found.append(study.best_value)
        return found[0] - found[1]

    assert apart({"learning_rate": 0.01, "momentum": 0.0, "batch_size": 64}) == pytest.approx(0.4, abs=0.05)
    assert abs(apart({})) < 0.02
    return "Tune the rate for each depth, then compare"


@proves("report two")
def _(folder: Path) -> str:
    """The error itself."""
    trial = optuna.create_study(directions=["maximize", "minimize"]).ask()
    with pytest.raises(NotImplementedError):
        trial.report(0.9, 1)
    return "raises NotImplementedError"


@proves("resume")
def _(folder: Path) -> str:
    """Two runs of five, by two programs that share a seed and a database."""
    storage = open_storage(f"journal:///{folder}/study")
    for _ in range(2):
        study = optuna.create_study(study_name="s", storage=storage, load_if_exists=True, sampler=RandomSampler(seed=0))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    places = [trial.params["x"] for trial in study.trials]
    assert places[:5] == places[5:] and len(set(places)) == 5
    return "repeat the draws of the first run"


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_optuna_proves_each_answer(question: Question, tmp_path: Path) -> None:
    """What is called right is what happens."""
    assert PROOFS[question.key](tmp_path) == question.answer


def test_the_quiz_is_whole() -> None:
    """Twenty questions, each with a proof; every notebook before the capstone; the right places are spread."""
    assert len(QUESTIONS) == len(BY_KEY) == len(PROOFS) == len({question.text for question in QUESTIONS}) == 20
    assert {question.notebook[:2] for question in QUESTIONS} == {f"{n:02}" for n in range(12)}
    places = Counter(question.right for question in QUESTIONS)
    assert set(places) == {0, 1, 2, 3} and max(places.values()) <= 6
    assert all(len(set(question.options)) == 4 == len(question.options) for question in QUESTIONS)
    assert all(len(question.why) > 40 for question in QUESTIONS)
    longest = sum(max(question.options, key=len) == question.answer for question in QUESTIONS)
    assert longest <= 10  # nobody passes by taking the longest


def test_every_link_leads_somewhere() -> None:
    """The notebooks to read again are there."""
    folder = Path(__file__).parents[2] / "notebooks"
    assert all((folder / question.notebook).exists() for question in QUESTIONS)


# The device


def choose(quiz: Quiz, number: int, option: str) -> Quiz:
    """What a click on an option of question `number`, from 1, does."""
    quiz._radios[number - 1].value = option
    return quiz


def test_unanswered_nothing_breaks() -> None:
    """No answer, a button that is pressed, a review: no score, no explanation given away."""
    quiz = Quiz(QUESTIONS)
    quiz._button.click()
    assert quiz.answers == (None,) * 20
    assert quiz.review().data == "0 of 20 right; 20 not answered."
    assert not any(mark.value for mark in quiz._marks)


def test_right_and_wrong_answers_are_explained() -> None:
    """All right but one: the one is explained, with the notebook to read again."""
    quiz = Quiz(QUESTIONS)
    for n, question in enumerate(QUESTIONS, start=1):
        choose(quiz, n, question.answer)
    assert quiz.review().data == "20 of 20 right; 0 not answered."
    choose(quiz, 13, "10").mark()
    assert "19 of 20 right" in quiz._total.value
    assert "Read again: notebook 07 · scale up." in quiz._marks[12].value and QUESTIONS[12].why in quiz._marks[12].value
    said = quiz.review().data
    assert "| 13 |" in said and "**30.**" in said and "(07_scale_up.ipynb)" in said and said.count("\n| ") == 2
    choose(quiz, 13, "30").mark()
    assert "20 of 20" in quiz._total.value and "Read again" not in quiz._marks[12].value


def test_without_a_kernel_it_can_be_read_but_not_marked() -> None:
    """Questions and options as text and as HTML, and nothing that tells which is right."""
    bundle = Quiz(QUESTIONS)._repr_mimebundle_()
    for question in QUESTIONS:
        assert question.text in bundle["text/plain"] and question.why not in bundle["text/plain"]
        assert all(option in bundle["text/plain"] for option in question.options)
    assert bundle["text/html"].count("<li>") == 100 and "l(x) / g(x)" in bundle["text/html"]


def test_html_in_a_question_is_text() -> None:
    """What looks like a tag is shown as it is."""
    quiz = Quiz([Question("k", "Is <b> bold?", ("<i>yes</i>", "no", "perhaps"), 0, "It <is>.", "01_first_study.ipynb")])
    choose(quiz, 1, "no").mark()
    assert "&lt;b&gt;" in quiz.children[0].children[0].value and "&lt;i&gt;" in quiz._marks[0].value
    assert "<i>" not in quiz._repr_mimebundle_()["text/html"]


# Before the course, and after it


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the notebooks: what is kept lies there. No room."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def answered(quiz: Quiz, right: int) -> Quiz:
    """All questions answered, so many of them rightly."""
    for n, question in enumerate(quiz.questions):
        choose(quiz, n + 1, question.options[(question.right + (n >= right)) % 4])
    return quiz


def test_ten_are_asked_before_and_kept(folder: Path) -> None:
    """A new kernel finds the answers again; no answer is marked; the button is hidden."""
    assert len(ASKED_BEFORE) == 10
    before = answered(QuizBefore(ASKED_BEFORE), right=4)
    assert "10 of 10 answered, kept in" in before._total.value
    assert not any(mark.value for mark in before._marks) and before._button.layout.display == "none"
    assert QuizBefore(ASKED_BEFORE).answers == before.answers
    assert set(json.loads((folder / BEFORE).read_text(encoding="utf-8"))) == {"who", *(q.key for q in ASKED_BEFORE)}


def test_skipped_nothing_is_written(folder: Path) -> None:
    """No file, and the gain says where the questions are; nor does an unanswered quiz afterwards count."""
    QuizBefore(ASKED_BEFORE)
    assert not list(folder.iterdir()) and "Notebook 00 asks ten" in gain(answered(Quiz(QUESTIONS), 20)).detail
    answered(QuizBefore(ASKED_BEFORE), right=4)
    assert gain(Quiz(QUESTIONS)).headline.startswith("Of 0 questions")


def test_what_cannot_be_kept_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a right to write; a file that is damaged, or holds an answer that is none, is no answer."""
    for text in ("{", "[1]", '{"knows": "no option"}'):
        (folder / BEFORE).write_text(text, encoding="utf-8")
        assert QuizBefore(ASKED_BEFORE).answers == (None,) * 10
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(PermissionError("read-only")))
    assert "not kept: read-only" in answered(QuizBefore(ASKED_BEFORE), right=4)._total.value


def test_the_gain_of_one_and_of_the_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the questions asked twice; the room gets numbers and no name, of each person the latest."""
    monkeypatch.setenv(VARIABLE, f"journal:///{folder}/room")
    for first in (4, 5):
        answered(QuizBefore(ASKED_BEFORE), right=first)
        after = answered(Quiz(QUESTIONS), right=20)
        for _ in range(2):
            assert gain(after).headline == (
                f"Of 10 questions answered before the course and now, {first} were right then, 10 are right now."
            )
        (folder / BEFORE).unlink()
    table = optuna.load_study(study_name=QUIZ, storage=open_storage(f"journal:///{folder}/room")).trials_dataframe()
    told = table.drop_duplicates("user_attrs_who")[["value", "user_attrs_then", "user_attrs_now"]]
    assert len(table) == 4 and told.to_numpy().tolist() == [[6, 4, 10], [5, 5, 10]]
    assert answers_before() == {}
