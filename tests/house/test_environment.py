"""What is installed: the pins, the ranges they have to be in, conda's file, Binder, and the repository's top level."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.harness.copies import ROOT, copy_course, course_files
from tests.stress.whole_course import ROWS
from tests.tools.install import CPU_BUILDS
from tests.tools.record_commands import filled, load

CONDA_PIN = re.compile(r"([\w.-]+)\s*(==?)\s*(\d[\w.]*)")
TOP_LEVEL = {
    "README.md",
    "notebooks",
    "helpers",
    "images",
    "tests",
    "environment.yml",
    "LICENSE",
    "pyproject.toml",
    "Makefile",
    "constraints.txt",
}


def read(name: str) -> str:
    """The text of one file at the top of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def pin_lines() -> list[str]:
    """The lines of constraints.txt but its comments."""
    return [line for line in read("constraints.txt").splitlines() if line and not line.startswith("#")]


def pins() -> dict[str, str]:
    """Version by normalised name."""
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in pin_lines())}


def project() -> dict:
    """The project's own table."""
    return tomllib.loads(read("pyproject.toml"))["project"]


def dependencies() -> list[str]:
    """What learners and tests need, as the project declares it."""
    extras = project()["optional-dependencies"].values()
    return [*project()["dependencies"], *(line for lines in extras for line in lines)]


def environment() -> dict:
    """conda's file."""
    return yaml.safe_load(read("environment.yml"))


def conda_lines(file: dict) -> list[str]:
    """What conda itself installs."""
    return [line for line in file["dependencies"] if isinstance(line, str)]


def pip_lines(file: dict) -> list[str]:
    """What conda hands on to pip."""
    (section,) = (part["pip"] for part in file["dependencies"] if isinstance(part, dict))
    return section


def conda_python() -> str:
    """The Python that conda installs."""
    (line,) = (line for line in conda_lines(environment()) if name_in(line) == "python")
    return CONDA_PIN.fullmatch(line).group(3)


def admits(line: str, version: str) -> bool:
    """True when a line of conda or pip lets `version` in; a single = of conda stands for any version below it."""
    if match := CONDA_PIN.fullmatch(line.strip()):
        _, sign, wanted = match.groups()
        return SpecifierSet(f"=={wanted}.*" if sign == "=" else f"=={wanted}").contains(version)
    return Requirement(line).specifier.contains(version, prereleases=True)


def name_in(line: str) -> str | None:
    """The package a line of conda or pip is about; options of pip and files are about none."""
    if match := CONDA_PIN.fullmatch(line.strip()):
        return canonicalize_name(match.group(1))
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return None


def disagreements(file: dict, pinned: dict[str, str]) -> list[str]:
    """Lines of conda's file that shut out the version the course is tested with."""
    lines = [*conda_lines(file), *pip_lines(file)]
    return [line for line in lines if (name := name_in(line)) in pinned and not admits(line, pinned[name])]


def test_every_pin_is_one_version() -> None:
    """A name, two equals signs and a version, with nothing around them."""
    for line in pin_lines():
        need = Requirement(line)
        assert line == f"{need.name}{need.specifier}" and re.fullmatch(r"==\d[\w.]*", str(need.specifier)), line


def test_pins_are_sorted_and_unique() -> None:
    """In the order of `LC_ALL=C sort -f`; no package twice under two spellings."""
    assert pin_lines() == sorted(pin_lines(), key=str.upper)
    assert len(pins()) == len(pin_lines()) > 100


def test_what_is_installed_is_what_is_pinned() -> None:
    """The tests speak for these versions and no others; the local part, such as +cpu, may differ. A few packages are
    for other systems."""
    installed = {canonicalize_name(one.name): Version(one.version).public for one in metadata.distributions()}
    found = {name: installed[name] for name in pins() if name in installed}
    assert found == {name: pins()[name] for name in found}
    assert len(found) > 0.9 * len(pins())


def test_every_dependency_is_pinned_within_its_range() -> None:
    """What a learner gets is what the project says it needs, and it is installed here."""
    for need in map(Requirement, dependencies()):
        assert need.specifier.contains(pins()[canonicalize_name(need.name)]), need
        assert need.specifier.contains(metadata.version(need.name)), need


def test_the_test_extra_is_among_them() -> None:
    """The list above is not only what learners need."""
    assert {"optuna", "pytest"} <= {Requirement(line).name for line in dependencies()}


def test_conda_gets_a_python_the_project_admits() -> None:
    """One Python, and one that `requires-python` lets in."""
    assert SpecifierSet(project()["requires-python"]).contains(conda_python())


def test_conda_installs_the_course_with_its_pins() -> None:
    """pip runs with constraints.txt and installs the course itself."""
    lines = pip_lines(environment())
    assert "pip" in conda_lines(environment())
    assert "-c constraints.txt" in lines
    assert {".", "-e ."} & set(lines)


def test_conda_and_make_use_the_same_cpu_builds() -> None:
    """One address, of PyTorch itself."""
    assert CPU_BUILDS == "https://download.pytorch.org/whl/cpu"
    assert f"--extra-index-url {CPU_BUILDS}" in pip_lines(environment())


def test_conda_agrees_with_the_pins() -> None:
    """No line anywhere in its file shuts out the version the course is tested with."""
    assert disagreements(environment(), pins()) == []


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        (["numpy=2.3"], []),
        (["numpy=2.4.60"], []),
        (["numpy==2.4"], []),
        (["optuna <5"], []),
        ([], ["optuna==4.9.0"]),
        ([], ["typing-extensions<4"]),
        (["scikit_learn=1.8"], ["torch>=3"]),
    ],
)
def test_a_disagreeing_file_is_caught(conda: list[str], pip: list[str]) -> None:
    """In conda's own section and in pip's, however the package is spelled; the other lines are not accused."""
    file = {"dependencies": ["python=3.12", "pip", *conda, {"pip": ["-c constraints.txt", "-e .", "plotly>=7", *pip]}]}
    assert disagreements(file, pins()) == [*conda, *pip]


@pytest.mark.parametrize("line", ["numpy=2.4", "numpy=2.4.6", "numpy==2.4.6", "numpy >=2", "optuna>=5,<6", "numpy"])
def test_an_agreeing_line_is_not_accused(line: str) -> None:
    """A single equals sign of conda stands for any version below it, and ranges are ranges."""
    pinned = {"numpy": "2.4.6", "optuna": "5.0.0"}
    assert disagreements({"dependencies": [line, {"pip": []}]}, pinned) == []


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What Binder's own tool would build from a copy of the repository, for the user that Binder names."""
    copy = tmp_path_factory.mktemp("course")
    copy_course(copy)
    user = ["--user-id", "1000", "--user-name", "jovyan"]
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", *user, str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_binder_builds_from_the_conda_file(dockerfile: str) -> None:
    """It finds environment.yml, takes its Python, and does not fall back to a plain Python."""
    assert 'env update -p ${NB_PYTHON_PREFIX} --file "environment.yml"' in dockerfile
    assert f"Building conda environment for python={conda_python()}\n" in dockerfile
    assert "pip install" not in dockerfile


def test_binder_copies_the_course_before_it_installs(dockerfile: str) -> None:
    """`-e .` and `-c constraints.txt` need the files to be there; nothing is installed from environment.yml alone."""
    copied = re.search(r"^COPY --chown=1000:1000 src/ \$\{REPO_DIR\}/?$", dockerfile, flags=re.MULTILINE)
    assert copied
    assert copied.start() < dockerfile.index("env update -p")
    assert dockerfile.count("env update -p") == 1
    assert "src/environment.yml" not in dockerfile


def test_binder_installs_as_the_user_who_owns_the_copy(dockerfile: str) -> None:
    """mamba writes the lines for pip to a file beside environment.yml, and an editable install stays in the home."""
    before = dockerfile[: dockerfile.index("env update -p")]
    assert re.findall(r"^USER (.+)$", before, flags=re.MULTILINE)[-1] == "${NB_USER}"
    assert re.findall(r"^WORKDIR (.+)$", before, flags=re.MULTILINE)[-1] == "${REPO_DIR}"
    assert re.search(r"^ARG REPO_DIR=\$\{HOME\}$", before, flags=re.MULTILINE)


def test_binder_starts_from_an_environment_it_has_locked(dockerfile: str) -> None:
    """Its own notebook server is there in versions that were tried together, for the Python that we ask for."""
    name = f"environment.py-{conda_python()}-linux-64.lock"
    written = name.replace("-", "-2d").replace(".", "-2e")  # repo2docker spells paths so, as names of files
    assert re.search(rf"^COPY .*{re.escape(written)}\S* /tmp/env/environment.lock$", dockerfile, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "answer"), [("", "The user requested (constraint) numpy=="), ("elsewhere", "open")])
def test_pip_finds_the_pins_from_a_file_beside_the_conda_file(tmp_path: Path, place: str, answer: str) -> None:
    """conda and mamba write the lines for pip to a file; pip looks for the pins beside that file.

    With a file beside environment.yml, as both write it, pip refuses a numpy that is not the pinned one; with one in
    another folder, as early versions of mamba wrote it, it does not find the pins.
    """
    copy_course(tmp_path)
    (tmp_path / place).mkdir(exist_ok=True)
    lines = [line for line in pip_lines(environment()) if line.startswith("-c")]
    written = tmp_path / place / "mambaf"
    written.write_text("\n".join([*lines, f"numpy!={pins()['numpy']}"]))
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "-r", str(written)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert lines and done.returncode and answer in done.stdout + done.stderr


def test_the_top_level_is_tidy() -> None:
    """All of the course, its tests and what installs them, and nothing else; dot-files aside."""
    names = {Path(name).parts[0] for name in course_files()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL
    assert all((ROOT / name).exists() for name in TOP_LEVEL)


@pytest.mark.parametrize(
    "command",
    ["make lab", "make test"],
)
def test_the_readme_names_commands_that_exist(command: str) -> None:
    """What a newcomer is told to type is a target of the Makefile."""
    assert command in read("README.md")
    assert re.search(rf"^{command.split()[1]}:", read("Makefile"), flags=re.MULTILINE)


def test_every_target_is_described() -> None:
    """Whoever changes the course finds each target in tests/README.md, or in the README."""
    targets = re.search(r"^\.PHONY: (.*)$", read("Makefile"), flags=re.MULTILINE)
    assert targets and len(targets[1].split()) <= 11
    for target in targets[1].split():
        assert f"| `make {target}` |" in read("README.md") + read("tests/README.md"), target


def test_the_readmes_figures_are_those_that_were_measured() -> None:
    """What a command takes is what `python -m tests.tools.record_commands` has found, or is not told."""
    for file in ("README.md", "tests/README.md"):
        assert read(file) == filled(read(file), load())
    assert {"make lab", "make lab INSTALLER=pip"} <= set(load())
    assert "| 90 seconds |" in filled(
        "| `make slow` | what takes longer | ever |", {"make slow": {"seconds": 90, "gigabytes": 7}}
    )


def test_pythons_that_were_tried_come_first() -> None:
    """make takes one that `make course` runs, where there is one; the README names them."""
    tried = sorted({row.python for row in ROWS if row.python} | {"3.11"})
    assert f"Python {', '.join(tried[:-1])} or {tried[-1]}" in read("README.md")
    (newest,) = re.findall(r"for newest in (\d+) ", read("Makefile"))
    assert tried[-1] == f"3.{newest}"


def test_the_readme_can_be_read_in_minutes() -> None:
    """At most 600 words before it tells how the course is built; every file and picture it leads to is there."""
    text = read("README.md")
    before, heading, _ = text.partition("## How it is built")
    assert heading and len(re.findall(r"[\w'.-]*\w", re.sub(r"\]\([^)]*\)", "]", before))) <= 600
    for target in re.findall(r"\]\(([^):#]+)\)", text):
        assert (ROOT / target).exists(), target
