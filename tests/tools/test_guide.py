"""The instructor's guide, its sheets and the handout: they say what was recorded, and what they name exists."""

from __future__ import annotations

import copy
import re
import time
from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from helpers.errors import BadInput
from helpers.fleet import open_storage
from helpers.learn.exercises import read_solutions
from tests.notebooks.test_notebooks import solved
from tests.tools import guide, handout, record_guide, routes
from tests.tools.record_guide import SEEDS
from tests.tools.store_outputs import ROOT, all_notebooks, run

RECORD = record_guide.load()
GUIDE, SHEETS, HANDOUT = (file.read_text(encoding="utf-8") for file in guide.FILES)
BY_HAND = guide.GENERATED.sub("", GUIDE)
PAGES = dict(re.findall(r"^## (\d\d) · (.+?)(?=^## |\Z)", SHEETS, re.MULTILINE | re.DOTALL))
CHECKPOINT = re.compile(r"^\*\*(\d+) · (.+?)(?=^\*\*\d+ ·|\Z)", re.MULTILINE | re.DOTALL)
CHECKPOINTS = {n: (page, text) for page, said in PAGES.items() for n, text in CHECKPOINT.findall(said)}
ROUTES = {minutes: routes.steps(rows, RECORD) for _, minutes, rows, _ in routes.ROUTE.findall(GUIDE)}
STALE = "run `make guide`"
each_file = pytest.mark.parametrize("file", guide.FILES, ids=lambda file: file.stem)
each_notebook = pytest.mark.parametrize("path", all_notebooks(), ids=lambda path: path.stem)
each_route = pytest.mark.parametrize("minutes", ROUTES)
VISITS = sorted({(minutes, step.notebook) for minutes, steps in ROUTES.items() for step in steps if step.notebook})

# A notebook with two claims in one cell, and a prediction that another cell answers.
CELLS = [
    ("markdown", "# A title"),
    ("code", "from helpers.learn import claim, predict"),
    ("markdown", "## One\n\nText."),
    ("code", "import time\ntime.sleep(0.3)\nguess = predict('How many?', ['a few', 'many'])\nguess"),
    ("code", "guess.reveal('many', 'Count them.')"),
    ("markdown", "## Two"),
    ("code", "display(claim('It is above 1.', 1.5, '>', 1), claim('It holds.', True, '==', True))"),
]


@each_notebook
def test_every_run_is_recorded(path):
    """Each notebook at seed 0 at least; runs of the present code, with the same questions and claims, sizes aside."""
    assert path.name[:2] in RECORD, STALE
    runs = RECORD[path.name[:2]]
    assert next(iter(runs)) == "0" and set(runs) <= {str(seed) for seed in SEEDS}, STALE
    assert {one["code"] for one in runs.values()} == {record_guide.fingerprint(solved(path)[0])}, STALE
    said = [
        [re.sub(r"\d[\d.,]*", "#", text.split("\n")[0]) for text in one["claims"] + one["predictions"]]
        for one in runs.values()
    ]
    assert all(sentences == said[0] for sentences in said), STALE


@each_notebook
def test_the_record_is_of_the_notebooks_as_they_are(path):
    """At seed 0 every claim and every prediction is what the stored outputs show."""
    stored, recorded = nbformat.read(path, as_version=4), RECORD[path.name[:2]]["0"]
    assert record_guide.claims(stored) == recorded["claims"], STALE
    shown, kept = (
        [prediction.splitlines()[:2] for prediction in predictions]  # an explanation may tell what the clock said
        for predictions in (record_guide.predictions(stored), recorded["predictions"])
    )
    assert shown == kept, STALE


@each_file
def test_what_is_generated_is_of_today(file):
    """Everything between the markers follows from the record."""
    assert guide.filled(file.read_text(encoding="utf-8"), RECORD) == file.read_text(encoding="utf-8"), STALE


def test_another_record_gives_another_text():
    """One other figure, second or outcome is seen in the files."""
    other = copy.deepcopy(RECORD)
    for one in (*other["06"].values(), *other["11"].values()):
        changed = r"(measured: -?|^The best of 1000 random trials is too good to be true by )"
        one["claims"] = [re.sub(changed, r"\g<1>9", said) for said in one["claims"]]
        one["predictions"] = [said.replace("\nhalving\n", "\nno pruner\n") for said in one["predictions"]]
        one["sections"] = {heading: seconds + 70 for heading, seconds in one["sections"].items()}
    assert "Who ends with less regret?” Wrong: halving / not decided. Measured: **no pruner**" in guide.filled(
        SHEETS, other
    )
    changed = guide.filled(GUIDE, other)
    assert sum(old != new for old, new in zip(GUIDE.splitlines(), changed.splitlines(), strict=True)) > 12
    assert guide.filled(HANDOUT, other) != HANDOUT


@each_file
def test_markers_show_nothing(file):
    """Each has its end on the same line or is a block of its own; one that begins a line would end the paragraph."""
    text = file.read_text(encoding="utf-8")
    assert text.count("<!-- generated: ") + text.count("<!-- route: ") == text.count("<!-- end -->")
    for line in text.splitlines():
        name = re.match(r"<!-- generated: ([^>]+) -->", line)
        assert name is None or (name[1] in guide.TABLES and line == name[0])
        assert re.search(r"<!-- end -->", line) is None or line == "<!-- end -->" or "<!-- generated" in line


@each_route
def test_a_route_adds_up(minutes):
    """Talk, exercise and machine of each row last until the next one; the last ends when it was promised."""
    steps = ROUTES[minutes]
    assert steps[0].at == 0 and steps[-1].at == int(minutes)
    written = next(rows for _, name, rows, _ in routes.ROUTE.findall(GUIDE) if name == minutes)
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in written.splitlines()[2:-1]]
    for step, row in zip(steps, cells, strict=False):
        if step.notebook:
            assert step.length == sum(int(cell.split()[0]) for cell in row[2:5])
            assert step.talk >= 4 and step.exercise >= 3


@each_route
def test_a_checkpoint_every_15_to_20_minutes(minutes):
    """Each row of work ends with one that its notebook's sheet describes; what is no work is a break."""
    work = [step for step in ROUTES[minutes][:-1] if step.notebook]
    assert all(15 <= step.length <= 20 and step.checkpoint in CHECKPOINTS for step in work)
    assert len({step.checkpoint for step in work}) == len(work)
    assert all(step.run in ("break", "lunch") for step in ROUTES[minutes][:-1] if not step.notebook)
    for step in work:
        assert step.notebook == CHECKPOINTS[step.checkpoint][0]


@cache
def walked(minutes):
    """{notebook: (its cells in the order in which a room runs them, the exercises among them)}; exercises solved."""
    cells, keys = {}, {}
    for step in ROUTES[minutes]:
        if not step.notebook:
            continue
        path = next(path for path in all_notebooks() if path.name[:2] == step.notebook)
        known = record_guide.sections(solved(path)[0])
        order, part = list(dict(known)), routes.UP_TO.search(step.run)
        until = order.index(part[2]) + 1 if part else len(order)
        begin = until - 1 if part and part[1] == "only" else 0
        run_by_now = cells.setdefault(step.notebook, [cell for heading, cell in known if heading == order[0]])
        ids = {cell.id for cell in run_by_now}
        run_by_now += [cell for heading, cell in known if heading in order[begin:until] and cell.id not in ids]
        for key in re.findall(r"Exercise (\d\d\.\d)", CHECKPOINTS[step.checkpoint][1]):
            home = next(path for path in all_notebooks() if path.name[:2] == key[:2])
            task = next(cell for cell in solved(home)[0].cells if f'check("{key}"' in cell.source)
            if task.id not in {cell.id for cell in cells[key[:2]]}:
                cells[key[:2]].append(task)
            keys.setdefault(key[:2], []).append(key)
    return {number: (cells[number], keys.get(number, [])) for number in cells}


@pytest.mark.slow
@pytest.mark.parametrize(("minutes", "number"), VISITS)
def test_a_route_can_be_walked(minutes, number):
    """With the cells that were run by then, and no others, every exercise named is solved; the minutes are true."""
    cells, keys = walked(minutes)[number]
    notebook = nbformat.v4.new_notebook(cells=cells)
    begin = time.perf_counter()
    run(notebook)
    seconds = time.perf_counter() - begin
    said = "\n".join(text for cell in cells for text in record_guide.texts(cell))
    assert [key for key in keys if f"Exercise {key}: correct." not in said] == []
    promised = 60 * sum(step.machine for step in ROUTES[minutes] if step.notebook == number)
    print(f"{minutes} minutes, {number}: {len(cells)} cells, {seconds:.0f} s of {promised}; exercises {keys}")
    assert seconds < 1.5 * promised


def test_every_checkpoint_is_used():
    """None is described in vain."""
    assert {step.checkpoint for steps in ROUTES.values() for step in steps[:-1]} - {""} == set(CHECKPOINTS)


@pytest.mark.parametrize("number", CHECKPOINTS)
def test_a_checkpoint_is_whole(number):
    """A prediction, an exercise, a question with what to expect; by then the prediction's cell has been run."""
    text = " ".join(CHECKPOINTS[number][1].split())
    assert "Predict" in text and re.search(r"Exercise \d\d\.\d", text)
    assert re.search(r"Ask[^*]*\*[^*]+\?\* \"", text)


@each_notebook
def test_a_notebook_has_its_page(path):
    """A number and a picture of this notebook, all its predictions, three questions with wrong answers to expect."""
    notebook = path.name[:2]
    assert notebook in PAGES, f"instructor_sheets.md has no page on notebook {notebook}"
    page = PAGES[notebook]
    names = [name.split(" | ") for _, name, _ in guide.GENERATED.findall(page)]
    assert {of for of, *_ in names} == {notebook}
    assert [form for *_, form in names if form in ("expect", "picture")] == ["picture", "expect"]
    assert re.search(r"Tested: -?\d[\d.]* (<|>|within) ", page)
    asked = [guide.figure(RECORD, " | ".join(name)) for name in names if name[2] == "prediction"]
    assert len(asked) == len(set(asked)) == len(guide.predictions(RECORD, notebook))
    assert all(re.search(r"” Wrong: \S.+\. Measured: \*\*", question) for question in asked)
    answered = re.findall(r"^- Ask[^*]*\*[^*]+\?\* (\"[^\"]+\"(?:, \"[^\"]+\")*: .+)$", page, re.MULTILINE)
    assert len(answered) == page.count("\n- Ask") and len(asked) + len(answered) >= 3


@each_file
def test_what_is_named_exists(file):
    """Exercises, notebooks and every link."""
    text = file.read_text(encoding="utf-8")
    for key in re.findall(r"(?:Exercise |show_solution\(\")(\d\d\.\d)", text):
        assert key in read_solutions(key[:2]), key
    targets = re.findall(r"\[[^\]]*\]\(([^):#]+)[^)]*\)", re.sub(r"\]\(http[^)]*\)", "", text))
    assert targets and all((file.parent / target).exists() for target in targets)


def test_the_way_round_postgresql(tmp_path, monkeypatch):
    """The lines that the guide gives open a storage with a heartbeat."""
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(re.search(r"```python\n(.+?)```", BY_HAND, re.DOTALL)[1], names)
    assert open_storage(names["database"].url, heartbeat_s=1).get_all_studies() == []
    assert list(tmp_path.iterdir()) == [tmp_path / "scale_up.db"]


def test_the_code_of_the_handout(tmp_path, monkeypatch):
    """It runs as it stands; run again, it goes on with the same study."""
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.+?)```", HANDOUT, re.DOTALL)[1].replace("n_trials=100", "n_trials=12")
    names: dict = {"train": lambda lr: (lr * epoch for epoch in (1, 2))}
    for trials in (12, 24):
        exec(code, names)
        assert len(names["study"].trials) == trials
    assert {trial.state.name for trial in names["study"].trials} == {"COMPLETE", "PRUNED"}


def test_what_is_recorded_of_a_notebook():
    """Claims in order, the prediction with its outcome, and the seconds of each section."""
    notebook = nbformat.v4.new_notebook()
    made = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    notebook.cells = [made[kind](source) for kind, source in CELLS]
    run(notebook)
    assert record_guide.claims(notebook) == [
        "It is above 1.\nmeasured: 1.5 · test: > 1",
        "It holds.\nmeasured: True · test: == True",
    ]
    assert record_guide.predictions(notebook) == ["How many? [ a few | many ]\nmany\nCount them."]
    seconds = record_guide.section_seconds(notebook)
    assert list(seconds) == ["", "One", "Two"] and seconds["One"] >= 0.3
    before = record_guide.fingerprint(notebook)
    notebook.cells[2].source = "## Uno"
    assert record_guide.fingerprint(notebook) == before
    notebook.cells[4].source += "\n"
    assert record_guide.fingerprint(notebook) != before


def small(*figures: str, seconds: float = 30) -> record_guide.Record:
    """A record of one notebook with one claim and one prediction, a seed for each figure."""
    return {
        "06": {
            str(seed): {
                "seconds": 4 + 3 * seconds,
                "peak": 500,
                "sections": {"Setup": seconds, "A": seconds, "B": seconds},
                "claims": [f"It is near {seed}.\nmeasured: {figure} · test: > 1"],
                "predictions": [f"More? [ yes | no | perhaps ]\n{'no' if seed == 3 else 'yes'}\nBecause."],
            }
            for seed, figure in enumerate(figures)
        }
    }


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("06 | It is near | number", "2 to 160"),
        ("06 | It is near | percent", "200 to 16100 %"),
        ("06 | More | outcome", "yes (4 of 5), no (1 of 5)"),
        ("06 | More | prediction", "“More?” Wrong: perhaps. Measured: **yes (4 of 5), no (1 of 5)**."),
        ("06 | It is near | expect", "**It is near 0.** Tested: 3 > 1 (all seeds: 2 to 161)."),
    ],
)
def test_a_figure(name, wanted):
    """From the lowest to the highest, whatever their order; outcomes are counted."""
    assert guide.figure(small("3", "161", "2", "20", "9"), name) == wanted


def test_a_figure_that_never_varies():
    """It is said once."""
    record = small("3", "3.0", "3")
    assert guide.figure(record, "06 | It is near | number") == "3"
    assert guide.claims(record, "06")[0].spread == "the same"
    assert "| It is near 0. | 3 | the same | > 1 |" in guide.expected_numbers(record)


@pytest.mark.parametrize("test", ["== 3", "== True"])
def test_exact_claims_have_no_range(test):
    """They are counted, not listed."""
    record = small("3", "3")
    for one in record["06"].values():
        one["claims"] = [said.replace("> 1", test) for said in one["claims"]]
    assert "It is near" not in guide.expected_numbers(record)
    assert "1 more" in guide.expected_numbers(record)


def test_a_figure_that_is_not_there():
    """No claim, or one too many, is an error and not a guess; so is a seed with fewer claims."""
    record = small("3", "4")
    with pytest.raises(BadInput, match="0 of notebook 06"):
        guide.figure(record, "06 | It was | number")
    record["06"]["1"]["claims"] *= 2
    with pytest.raises(BadInput, match="not the same claims"):
        guide.claims(record, "06")


def test_the_machine_s_minutes():
    """All that is run since the route was last in the notebook, the kernel's start first, rounded up."""
    rows = [
        "| at | run |",
        "|---|---|",
        "| 0:00 | [06](a.ipynb) up to *A* | | 5 | | 1 |",
        "| 0:15 | break | | | | |",
        "| 0:20 | [06](a.ipynb) | | 4 | | 2 |",
        "| 0:40 | **end** | | **9** | | |",
    ]
    first, pause, second, end = routes.steps("\n".join(rows), small("3", seconds=31))
    assert (first.seconds, first.machine, first.talk) == (66, 2, 8)
    assert (second.seconds, second.machine, second.talk) == (31, 1, 15)
    assert (pause.notebook, pause.length, end.at) == ("", 5, 40)
    assert routes.seconds_of("[06](a.ipynb) only *B*", small("3"), {}) == 64
    with pytest.raises(BadInput, match="'C'"):
        routes.seconds_of("[06](a.ipynb) up to *C*", small("3"), {})


def test_every_row_lasts_until_the_next():
    """Times rise."""
    assert all(now.at < later.at for steps in ROUTES.values() for now, later in pairwise(steps))


@pytest.mark.parametrize(("file", "pages"), [(guide.HANDOUT, 1), (guide.SHEETS, len(PAGES))])
def test_printed_pages(file, pages, tmp_path):
    """The handout is one page on A4; the sheets, each of which begins a page, are one a notebook."""
    try:
        handout.print_page(file, tmp_path / "printed.pdf")
    except BadInput as missing:
        pytest.skip(str(missing))
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", (tmp_path / "printed.pdf").read_bytes())) == pages


def test_pictures_of_what_is_printed():
    """Both of the handout; one on each sheet, stored in its notebook where images/ has none."""
    assert handout.with_stored_pictures(SHEETS).count("![") == len(PAGES) > SHEETS.count("![")
    with pytest.raises(BadInput, match="no heading 'Nowhere'"):
        guide.figure(RECORD, "06 | Nowhere | picture")
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", HANDOUT)
    assert len(pictures) == 2 and all(len(words.split()) >= 6 for words, _ in pictures)
    assert all(Path(ROOT / "notebooks" / target).exists() for _, target in pictures)
