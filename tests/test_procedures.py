from pathlib import Path

import pytest

from acoustic import procedures
from acoustic.errors import OptionError
from acoustic.procedures import Cycles, Flush, counting, load_procedure, procedure_names

SHIPPED = ["article", "cafe", "cafiza", "firmware", "home", "water"]
GOOD = """
title = "Mine"
source = "me"
[[steps]]
kind = "cycles"
name = "Water"
cycles = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(procedures, "user_folder", lambda: tmp_path)
    return tmp_path


def test_what_is_shipped_is_valid_and_names_its_source() -> None:
    assert procedure_names() == SHIPPED
    for name in SHIPPED:
        procedure = load_procedure(name)
        assert procedure.title
        assert len(procedure.source) > 20


def test_home_is_five_four_three() -> None:
    home = load_procedure("home")
    counts = [
        step.cycles if isinstance(step, Cycles) else step.bursts
        for step in home.steps
        if isinstance(step, Cycles | Flush)
    ]
    assert counts == [5, 4, 3]


def test_ones_own_are_found_and_come_before_the_shipped(folder: Path) -> None:
    (folder / "mine.toml").write_text(GOOD)
    (folder / "home.toml").write_text(GOOD)
    assert procedure_names() == [*SHIPPED, "mine"]
    assert load_procedure("mine").title == load_procedure("home").title == "Mine"


def test_a_file_anywhere_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "x.toml"
    path.parent.mkdir()
    path.write_text(GOOD)
    assert load_procedure(str(path)).title == "Mine"


def test_the_number_of_cycles_can_be_changed() -> None:
    changed = load_procedure("home").with_cycles(8)
    assert [step.cycles for step in changed.steps if isinstance(step, Cycles)] == [8, 4]


def test_counting_has_one_kind_of_cycles() -> None:
    assert [step.cycles for step in counting(7).steps if isinstance(step, Cycles)] == [7]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("cycles = 3", "cycles = 0"), "step 1, cycles: Expected `int` >= 1"),
        (("cycles = 3", "cylces = 3"), "step 1: Object contains unknown field `cylces`"),
        (("cycles = 3", 'cycles = "three"'), "step 1, cycles: Expected `int`, got `str`"),
        (("cycles = 3", ""), "missing required field `cycles`"),
        (('kind = "cycles"', 'kind = "dance"'), "step 1, kind: Invalid value 'dance'"),
        (('title = "Mine"', ""), "missing required field `title`"),
        (("[[steps]]", "[[stpes]]"), "unknown field"),
        (('name = "Water"', "name = Water"), "is not TOML"),
        (("[[steps]]", '[[steps]]\nkind = "foam"\n[[steps]]'), "step 1: there is no foam to look at"),
        (('kind = "cycles"\nname = "Water"\ncycles = 3', 'kind = "prepare"\ntext = "x"'), 'no step of kind "cycles"'),
    ],
)
def test_nonsense_is_named_with_its_place(folder: Path, change: tuple[str, str], message: str) -> None:
    path = folder / "mine.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(OptionError) as caught:
        load_procedure("mine")
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_an_unknown_name_is_answered_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(OptionError, match=f"no procedure is called 'hmoe'; there are {', '.join(SHIPPED)}"):
        load_procedure("hmoe")
    with pytest.raises(OptionError, match="cannot be read"):
        load_procedure(str(folder / "missing.toml"))
    (folder / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(OptionError, match="is not text"):
        load_procedure("bad")
