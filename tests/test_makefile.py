"""`make` and the Python that it is told to use: what it would do, without doing it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OF_AN_OUTER_MAKE = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "PYTHON")
THIS = f"{sys.base_prefix} {sys.hexversion}"


@pytest.mark.parametrize(
    ("made_with", "asked_for", "made"),
    [
        (None, (), "-m venv "),
        (THIS, (), ""),
        ("/opt/other 50989040", (), ""),
        (THIS, (f"PYTHON={sys.executable}",), ""),
        ("/opt/other 50989040", (f"PYTHON={sys.executable}",), "-m venv --clear "),
        (THIS, ("PYTHON=/no/python",), "-m venv --clear "),
    ],
)
def test_an_environment_of_another_python_than_is_asked_for_is_made_anew(
    tmp_path: Path, made_with: str | None, asked_for: tuple[str, ...], made: str
) -> None:
    if made_with is not None:
        (tmp_path / ".stamp").write_text(made_with + "\n")
    environment = {name: value for name, value in os.environ.items() if name not in OF_AN_OUTER_MAKE}
    done = subprocess.run(
        ["make", "-n", "check", f"VENV={tmp_path}", *asked_for],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    venv = [line for line in done.stdout.splitlines() if "-m venv" in line]
    assert (len(venv), made in "".join(venv)) == (bool(made), True)
    assert f"{tmp_path}/bin/ruff check" in done.stdout
