"""The check of exercise 11.1: what it finds when it really runs two modules, and what it says of each fault."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from helpers.exercises import apart
from helpers.learn import check
from helpers.learn.exercises import NotQuite
from tests.exercises.wrong_11 import CONTEXT, PARTS, YIELD, parts

BEFORE = CONTEXT["11.1"]["before"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the solution does when it runs, in a process of its own."""
    folder = tmp_path_factory.mktemp("apart")
    (folder / "project").mkdir()
    for name, text in PARTS.items():
        (folder / "project" / name).write_text(text)
    return apart._run(str(folder))


def test_the_solution_does_what_the_script_did(found: Mapping) -> None:
    """Five epochs without Optuna, one load for ten trials, and the script's own trials, pruned where it pruned."""
    assert [len(curve) for curve in found["curves"]] == [5, 5, 5] and found["asked"] == [] and found["loads"] == 1
    assert [trial["params"] for trial in found["trials"]] == [trial.params for trial in BEFORE.trials[:10]]
    states = [trial["state"] for trial in found["trials"]]
    assert states == [trial.state.name for trial in BEFORE.trials[:10]] and {"PRUNED", "COMPLETE"} == set(states)
    apart._check_training(found)
    apart._check_search(found, BEFORE)


def complete(found: Mapping) -> dict:
    """A trial of those found that was completed."""
    return next(trial for trial in found["trials"] if trial["state"] == "COMPLETE")


def pruned(found: Mapping) -> dict:
    """A trial of those found that was pruned."""
    return next(trial for trial in found["trials"] if trial["state"] == "PRUNED")


FAULTS: list[tuple[str, Callable[[dict], object], str]] = [
    ("a list instead of a generator", lambda found: found.update(generator=False), "no generator"),
    ("fixed seed of the training", lambda found: found["curves"].__setitem__(2, found["curves"][0]), "seeds 0 and 1"),
    ("unseeded sampler", lambda found: found["trials"][0]["params"].update(alpha=0.05), "seed the sampler with seed"),
    ("no dict", lambda found: found.update(parts="tuple"), "load_data gives tuple"),
    ("six epochs", lambda found: found["curves"][0].append(0.5), "yields 6 numbers"),
    ("unseeded", lambda found: found["curves"][1].reverse(), "two different curves"),
    ("fixed seed of the split", lambda found: found.update(redrawn=False), "split alike"),
    ("nine trials", lambda found: found["trials"].pop(), "made 9 trials"),
    ("fixed seed of the sampler", lambda found: found.update(other=found["trials"][0]["params"]), "seeds 0 and 1"),
    ("not pruned", lambda found: pruned(found).update(state="COMPLETE"), "report and prune as before"),
    ("not reported", lambda found: complete(found).update(reports=[]), "keep every number"),
    ("another value", lambda found: complete(found).update(value=0.5), "0.5 is neither"),
    ("the test value", lambda found: complete(found).update(value=BEFORE.trials[0].value), "choose the winner"),
]


@pytest.mark.parametrize(("fault", "reason"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_each_fault_is_told(found: Mapping, fault: Callable[[dict], object], reason: str) -> None:
    """One thing is changed in what the solution did, and it is named."""
    changed = copy.deepcopy(dict(found))
    assert BEFORE.trials[0].state.name == "COMPLETE" == changed["trials"][0]["state"]
    fault(changed)
    with pytest.raises(NotQuite, match=reason):
        apart._check_training(changed)
        apart._check_search(changed, BEFORE)


def test_another_right_answer() -> None:
    """A relative import of the module, data kept by the module, and a score by hand are right as well."""
    answer = {
        "training.py": PARTS["training.py"]
        .replace("model.score(*data", "float((model.predict(data['validation'][0]) == data['validation'][1]).mean()) #")
        .replace("def load_data", "from functools import cache\n\n\n@cache\ndef load_data"),
        "search.py": PARTS["search.py"]
        .replace("from project.training import load_data, train", "from . import training")
        .replace("load_data(seed)", "training.load_data(seed)")
        .replace("in enumerate(train(", "in enumerate(training.train("),
    }
    assert answer["search.py"].count("training.") == 2
    assert "Exercise 11.1: correct." in repr(check("11.1", answer, before=BEFORE))


def test_training_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is told so, and neither the process nor a file is left."""
    pid = tmp_path / "pid"
    lines = ["import os", f"open({str(pid)!r}, 'w').write(str(os.getpid()))", "while True:", "    pass"]
    endless = "\n".join(f"        {line}" for line in lines)
    monkeypatch.setattr(apart, "SECONDS", 25)  # on a busy machine it takes long to start
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    text = repr(check("11.1", parts("training.py", (YIELD, endless + "\n" + YIELD)), before=BEFORE))
    assert re.search("did not end within 25 seconds", text)
    assert list(tmp_path.iterdir()) == [pid] and not Path("/proc", pid.read_text()).exists()


def test_a_process_that_dies_is_told() -> None:
    """Without a result there is no silence."""
    deadly = parts("training.py", (YIELD, "        import os\n        os._exit(3)\n" + YIELD))
    text = repr(check("11.1", deadly, before=BEFORE))
    assert "died before it could say anything" in text


def test_findings_are_json(found: Mapping) -> None:
    """They cross from one process to the other as text."""
    assert json.loads(json.dumps(found)) == found
