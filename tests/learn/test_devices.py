"""The devices of the course: claims, the seed, predictions, exercises, and how their errors look in a notebook."""

from __future__ import annotations

import math
import re

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers.errors import BadInput
from helpers.learn import ClaimFailed, check, claim, course_seed, exercises, predict, predictions, show_solution
from helpers.learn.claims import TESTS
from helpers.learn.claims import VARIABLE as CLAIMS
from helpers.learn.exercises import NotQuite, exercise, is_blank, read_solutions
from helpers.learn.predictions import Prediction
from helpers.learn.seed import VARIABLE
from tests.harness.outputs import WIDGET
from tests.tools.store_outputs import run

HOLDS = [
    (1, "<", 2),
    (2, ">", 1),
    (3, "==", 3),
    ("tpe", "==", "tpe"),
    (0, "within", (0, 1)),
    (1, "within", (0, 1)),
]
FAILS = [
    (2, "<", 2),
    (1, ">", 1),
    (3, "==", 4),
    ("tpe", "==", "grid"),
    (-0.1, "within", (0, 1)),
    (1.1, "within", (0, 1)),
]


@pytest.mark.parametrize(("measured", "test", "bound"), HOLDS)
def test_a_claim_that_holds_is_shown(measured: object, test: str, bound: object) -> None:
    """Every operator passes where it should, at its edge too."""
    assert claim("It is so.", measured, test, bound).mood == "good"


@pytest.mark.parametrize(("measured", "test", "bound"), FAILS)
def test_a_claim_that_does_not_hold_raises(measured: object, test: str, bound: object) -> None:
    """Every operator fails where it should, and the error says sentence, figure and test."""
    with pytest.raises(ClaimFailed) as failure:
        claim("It is so.", measured, test, bound)
    assert all(part in str(failure.value) for part in ("It is so.", f"measured: {measured}", f"test: {test}"))


def test_every_operator_is_tried() -> None:
    """The lists above leave no operator out."""
    assert {test for _, test, _ in HOLDS} == {test for _, test, _ in FAILS} == set(TESTS)


@pytest.mark.parametrize("nan", [math.nan, np.float64("nan"), np.float32("nan")])
@pytest.mark.parametrize("test", TESTS)
def test_nan_never_passes(test: str, nan: float) -> None:
    """Neither a measured NaN nor a NaN as bound, not even compared with itself."""
    for measured, bound in ((nan, 1.0), (nan, nan), (1.0, nan)):
        with pytest.raises(ClaimFailed):
            claim("It is so.", measured, test, (bound, bound) if test == "within" else bound)


def test_a_claim_that_does_not_hold_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all claims are wanted, it is told as bad and stops nothing."""
    monkeypatch.setenv(CLAIMS, "show")
    assert repr(claim("It is so.", 1, ">", 2)) == "✗ It is so.\n  measured: 1 · test: > 2"


def test_a_claim_shows_figure_and_test_as_text_and_html() -> None:
    """Both forms hold the sentence, the figure with four digits and the test."""
    note = claim("Near a third.", 1 / 3, "within", (0.3, 0.4))
    for shown in (repr(note), note._repr_html_()):
        assert "Near a third." in shown
        assert "measured: 0.3333" in shown
        assert "test: within 0.3 to 0.4" in shown


def test_html_of_a_claim_is_escaped() -> None:
    """Neither the sentence nor the operator can end up as markup."""
    html = claim("a < b & <script>x</script>", 1, "<", 2)._repr_html_()
    assert "a &lt; b &amp; &lt;script&gt;x&lt;/script&gt;" in html
    assert "test: &lt; 2" in html
    assert "<script>" not in html


def test_the_seed_is_zero_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set gives the seed of the stored outputs."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert course_seed() == 0


def test_the_seed_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole number is used as it stands."""
    for text, seed in (("0", 0), ("007", 7), ("3999999", 3_999_999)):
        monkeypatch.setenv(VARIABLE, text)
        assert course_seed() == seed


@pytest.mark.parametrize("text", ["20261127", "4294967296", "9" * 1000])
def test_a_large_seed_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Notebooks make seeds of it, up to a thousand times as large, and a thousand of each; NumPy ends at 2**32."""
    monkeypatch.setenv(VARIABLE, text)
    assert course_seed() == int(text) % 4_000_000
    np.random.RandomState(1000 * course_seed() + 999)


def test_a_broken_seed_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the variable, what it holds, and what to do."""
    for text in ("", "abc", "-1", "1.5", " 1", "²"):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(BadInput) as failure:
            course_seed()
        sentence = str(failure.value)
        assert sentence.startswith(VARIABLE) and repr(text) in sentence
        assert sentence.endswith(".") and "\n" not in sentence


@pytest.fixture
def _no_predictions_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The score of this test alone."""
    monkeypatch.setattr(predictions, "_revealed", {})


def press(prediction: Prediction, option: str) -> None:
    """What a click on one of the buttons does."""
    _, buttons, *_ = prediction.children
    buttons.value = option


@pytest.mark.usefixtures("_no_predictions_yet")
class TestPredictions:
    """A prediction before the run, its comparison after it."""

    def test_without_a_guess(self) -> None:
        """The outcome is shown and nobody is scored."""
        note = predict("Which wins?", ["tpe", "random"]).reveal("tpe", "It learns.")
        assert note.mood == "open"
        assert repr(note) == "○ Measured: tpe.\n  You made no prediction this time. It learns."
        assert predictions._revealed == {}

    @pytest.mark.parametrize(("guess", "mood", "right"), [("tpe", "good", 1), ("random", "bad", 0)])
    def test_with_a_guess(self, guess: str, mood: str, right: int) -> None:
        """Guess, outcome, reason and score are shown; a wrong guess is shown as wrong."""
        prediction = predict("Which wins?", ["tpe", "random"])
        press(prediction, guess)
        note = prediction.reveal("tpe", "It learns.")
        assert note.mood == mood
        assert f"You predicted {guess}; measured: tpe." in repr(note)
        assert "It learns." in repr(note)
        assert f"{right} of 1 right" in repr(note)

    def test_the_score_counts_questions(self) -> None:
        """One right and one wrong are 1 of 2; changing one's mind on a question does not count twice."""
        first, second = predict("First?", ["a", "b"]), predict("Second?", ["a", "b"])
        press(first, "a")
        press(second, "b")
        assert "1 of 1 right" in first.reveal("a").detail
        assert "1 of 2 right" in second.reveal("a").detail
        press(second, "a")
        assert "2 of 2 right" in second.reveal("a").detail

    def test_no_option(self) -> None:
        """The notebook's author made a mistake: an outcome that is no option."""
        with pytest.raises(BadInput, match="'tpe', 'random'"):
            predict("Which wins?", ["tpe", "random"]).reveal("grid")

    def test_what_a_notebook_stores(self) -> None:
        """The question and its options read well without a kernel, and the live widget is there with one."""
        bundle = predict("Which wins?", ["tpe", "random"])._repr_mimebundle_()
        assert bundle["text/plain"] == "Your prediction: Which wins? [ tpe | random ]"
        assert bundle[WIDGET]["model_id"]


def blank() -> object:
    """An exercise nobody has touched."""
    value = ...
    return value


def only_dots() -> object:
    """An exercise whose whole body is dots."""
    ...


def dots_before_the_rest() -> int:
    """An exercise whose first line is missing."""
    ...
    return 1


def nested_blank() -> object:
    """An exercise whose inner function is untouched."""

    def inner() -> object:
        return ...

    return inner


def answered() -> int:
    """An exercise that has been answered."""
    return 42


BLANK = [
    ...,
    [...],
    [1, ...],
    (1, ...),
    {...},
    {"a": ...},
    {"a": [1, {"b": ...}]},
    blank,
    only_dots,
    dots_before_the_rest,
    nested_blank,
    [blank],
    lambda: ...,
    lambda points: points[...],
]
ANSWERED = [
    None,
    0,
    "",
    "...",
    [],
    {},
    [1, 2],
    {"a": 1},
    answered,
    lambda: None,
    lambda points, n: points[..., n],
    np.zeros((2, 2)),
    int,
]


def name_of(answer: object) -> str:
    """How an answer is called in a test's name: the same in every process."""
    return getattr(answer, "__name__", re.sub(" at 0x[0-9a-f]+", "", repr(answer)))


class Nasty:
    """An object that no question may be asked of."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"no {name} here")


def endless() -> list:
    """A list that holds itself."""
    values: list = []
    values.append(values)
    return values


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """An exercise of this test alone: the answer is a function that returns 42, or 42 itself."""
    monkeypatch.setattr(exercises, "_checks", {})

    @exercise("99.1")
    def forty_two(answer: object, wanted: int = 42) -> str:
        value = answer() if callable(answer) else answer + 0
        if value != wanted:
            raise NotQuite(f"{value} is not {wanted}.")
        return "That is it."

    return "99.1"


@pytest.mark.parametrize("answer", BLANK, ids=name_of)
def test_dots_are_not_attempted(key: str, answer: object) -> None:
    """Dots anywhere in the answer, in a function's body or in one inside it, are no attempt."""
    assert is_blank(answer)
    note = check(key, answer)
    assert note.mood == "open"
    assert repr(note).startswith("○ Exercise 99.1: not attempted yet.\n")


@pytest.mark.parametrize("answer", ANSWERED, ids=name_of)
def test_an_answer_without_dots_is_an_attempt(answer: object) -> None:
    """Empty, false and array values are answers."""
    assert not is_blank(answer)


@pytest.mark.parametrize("answer", [42, answered])
def test_a_correct_answer(key: str, answer: object) -> None:
    """The learner reads the praise."""
    note = check(key, answer)
    assert note.mood == "good"
    assert repr(note) == "✓ Exercise 99.1: correct.\n  That is it."


def test_not_quite_says_why(key: str) -> None:
    """The reason of the check is shown, and what the notebook hands over by name is used."""
    note = check(key, 41, wanted=40)
    assert note.mood == "bad"
    assert repr(note) == "✗ Exercise 99.1: not quite.\n  Because 41 is not 40."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: undefined_name, "NameError"),  # noqa: F821
        (lambda a, b: a, "TypeError"),
        ("42", "TypeError"),
        (None, "TypeError"),
        (int.from_bytes, "TypeError"),
        (pd.DataFrame({"a": [1, 2]}), "ValueError"),
        (np.zeros(3), "ValueError"),
        (math, "TypeError"),
        (endless(), "Error"),
        (Nasty(), "Error"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_raising_or_absurd_answer_is_not_quite(key: str, answer: object, reason: str) -> None:
    """Whatever the answer does or is, the learner reads a reason and never a traceback."""
    note = check(key, answer)
    assert note.mood == "bad"
    assert note.headline == "Exercise 99.1: not quite."
    assert note.detail.startswith("Because ")
    assert reason in note.detail


@pytest.mark.parametrize("unknown", ["99.9", "01.99", "1.2", "", "x", 1.2, None])
@pytest.mark.parametrize("device", [lambda key: check(key, 42), show_solution], ids=["check", "show_solution"])
def test_an_unknown_exercise_is_bad_input(device: object, unknown: object) -> None:
    """The error repeats the key and shows how one looks."""
    with pytest.raises(BadInput, match=r"There is no exercise .*'01\.2'"):
        device(unknown)


SOLUTIONS = '''"""Solutions of a notebook."""
# ruff: noqa

# Exercise 99.1
def answer():
    # Exercise 99.1 begins here
    return 42


# Exercise 99.2
answer = 7
'''


@pytest.fixture
def solutions(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solutions file of this test alone."""
    (tmp_path / "nb99.py").write_text(SOLUTIONS, encoding="utf-8")
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path)


@pytest.mark.usefixtures("solutions")
def test_solutions_are_read_by_their_keys() -> None:
    """Code between two headings belongs to the first; the file's own heading belongs to none."""
    assert read_solutions("99") == {
        "99.1": "def answer():\n    # Exercise 99.1 begins here\n    return 42",
        "99.2": "answer = 7",
    }


@pytest.mark.usefixtures("solutions")
def test_a_solution_is_shown_as_code(key: str) -> None:
    """It reads as plain Python where no HTML is shown."""
    assert repr(show_solution(key)) == read_solutions("99")[key]


def test_a_held_back_solution(key: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the file the learner is sent to the instructor."""
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path)
    assert read_solutions("99") == {}
    note = show_solution(key)
    assert note.mood == "open"
    assert "held back" in repr(note)
    assert "instructor" in repr(note)


def test_errors_in_a_notebook_are_one_sentence() -> None:
    """In a real kernel BadInput and ClaimFailed print their sentence alone; any other error prints its traceback."""
    lines = ["predict('Which?', ['one', 'two']).reveal('three')", "claim('It is so.', 2.0, '<', 1)", "1 / 0"]
    cells = [nbformat.v4.new_code_cell("from helpers.learn import claim, predict")]
    cells += [nbformat.v4.new_code_cell(line, metadata={"tags": ["raises-exception"]}) for line in lines]
    notebook = run(nbformat.v4.new_notebook(cells=cells))
    bad_input, failed, other = (cell.outputs[0]["traceback"] for cell in notebook.cells[1:])
    assert bad_input == ["BadInput: Unknown outcome 'three': choose one of 'one', 'two'."]
    assert failed == ["✗ This does not hold here: It is so.\n  measured: 2 · test: < 1"]
    assert "Traceback" in "".join(other)
