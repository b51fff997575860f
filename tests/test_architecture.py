"""The shape of the code, read from its imports and its text: DESIGN section 9 as a test."""

import ast
import inspect
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sagamore
import sagamore.engine
from sagamore.engine.turn import Turn

ROOT = Path(__file__).parent.parent
FOLDERS = ("engine", "storage", "actors", "sagamore")
MAY_IMPORT = {
    "sagamore.engine": ("sagamore.engine",),
    "sagamore.storage": ("sagamore.storage", "sagamore.engine"),
    "sagamore.actors": ("sagamore.actors", "sagamore.engine"),
    "sagamore.twin": ("sagamore.twin",),
}
PURE = ("engine", "actors/orders")
SHELL = (
    "engine/runtime", "engine/testing", "engine/effect.py", "engine/ports.py", "actors/orders/payment_provider.py",
    "actors/orders/payment_effects.py",
)  # fmt: skip
"""Where `async` may stand below the pure folders: the shell, the kit, the ports and what a provider is."""


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(part.is_symlink() for part in (path, *path.parents)):
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def module_of(path: str) -> str:
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return name if name.startswith("sagamore") else f"sagamore.{name}"


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def called(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_dependencies_run_one_way() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in sources(*FOLDERS)
        for package, allowed in MAY_IMPORT.items()
        if within(module_of(path), package)
        for name in imported(tree)
        if within(name, "sagamore") and not any(within(name, other) for other in allowed)
    ]
    assert wrong == []


def test_actors_know_the_engines_vocabulary_only() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in sources("actors")
        for name in imported(tree)
        if within(name, "sagamore.engine.runtime")
    ]
    assert wrong == []


def test_only_storage_knows_sqlite() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in sources("engine", "actors")
        for name in imported(tree)
        if name.split(".")[0] in {"sqlite3", "aiosqlite"}
    ]
    assert wrong == []


def test_only_providers_know_the_network() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in sources("engine", "storage", "actors")
        for name in imported(tree)
        if name.split(".")[0] in {"aiohttp", "socket", "ssl", "http", "urllib"} and "providers/" not in path
    ]
    assert wrong == []


def test_handlers_are_synchronous() -> None:
    wrong = [
        f"{path}: async def {node.name}"
        for path, tree in sources(*PURE)
        if not path.startswith(SHELL)
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    assert wrong == []


def test_only_the_edge_asks() -> None:
    """PROTOCOL 18: an actor or a partition that asked another could wait in a circle. What the engine asks beside its
    edge is `system/0`, for a pool, which no partition waits for."""
    asks = {
        path
        for path, tree in sources("engine", "storage", "actors")
        for name in called(tree)
        if name == "ask" or name.endswith(".ask")
    }
    assert asks == {"engine/runtime/edge.py", "engine/runtime/engine.py"}


def test_a_turn_can_want_but_not_wait() -> None:
    """PROTOCOL 18, from the vocabulary: what a handler may call answers at once, from what its message names, or leaves
    an intention behind."""
    methods = {
        name: inspect.signature(method).return_annotation
        for name, method in vars(Turn).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    answers = {name: answer for name, answer in methods.items() if answer is not None}
    assert answers == {"new_id": str, "load": Any, "partition_of": int, "start": str}
    assert not any(map(inspect.iscoroutinefunction, vars(Turn).values()))
    assert methods.keys() - answers.keys() == {
        "save", "send", "publish", "reply", "schedule", "cancel", "withdraw", "settle", "note", "raise_alert",
        "clear_alert", "bury", "resend", "give_up",
    }  # fmt: skip


def test_a_partition_waits_for_its_own_file_only() -> None:
    """What its loop awaits is its journal, its own steps, or being woken; never a peer, a pool or the edge."""
    own, others = ("self.", "journal.", "cursor."), ("_env", "_pools", "peer")
    waits = {
        ast.unparse(node.value)
        for path, tree in sources("engine/runtime")
        if path.removeprefix("engine/runtime/")
        in ("partition.py", "turns.py", "loader.py", "batch.py", "relay.py", "effects.py", "reminders.py", "agenda.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Await)
    }
    assert waits
    assert {call for call in waits if not call.startswith(own) or any(other in call for other in others)} == set()


def test_tasks_are_made_by_the_supervisor_only() -> None:
    wrong = [
        f"{path}: {name}"
        for path, tree in sources("engine", "storage", "actors")
        if path != "engine/runtime/supervisor.py" and not path.startswith("engine/testing")
        for name in called(tree)
        if name.endswith(("create_task", "ensure_future", "TaskGroup"))
    ]
    assert wrong == []


def test_time_and_chance_come_through_the_clock() -> None:
    banned = ("time.time", "time.time_ns", "time.monotonic", "datetime.now", "datetime.utcnow", "random.", "os.urandom",
              "uuid.")  # fmt: skip
    wrong = [
        f"{path}: {name}"
        for path, tree in sources("engine", "actors")
        if path != "engine/runtime/clock.py" and not path.startswith("engine/testing")
        for name in called(tree)
        if name.startswith(banned)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", [sagamore, sagamore.engine])
def test_what_is_public_is_listed_sorted_and_there(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert list(names) == sorted(names)
    assert [name for name in names if not hasattr(package, name)] == []


def test_every_module_of_the_tree_can_be_imported_as_sagamore() -> None:
    from importlib.util import find_spec

    missing = [path for path, _ in sources(*FOLDERS) if find_spec(module_of(path)) is None]
    assert missing == []


def build(what: str, tree: Path, target: Path) -> Path:
    """The build backend itself, so that no network is needed."""
    target.mkdir()
    script = f"import sys, setuptools.build_meta as backend; backend.build_{what}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, str(target)], cwd=tree, check=True, capture_output=True, timeout=120)
    (built,) = target.iterdir()
    return built


def test_the_wheel_from_the_sdist_holds_what_the_tree_holds(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in (*FOLDERS, "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, tree / name)
    with tarfile.open(build("sdist", tree, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel = build("wheel", unpacked, tmp_path / "wheel")
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("sagamore/")}
    in_tree = {path if path.startswith("sagamore/") else f"sagamore/{path}" for path, _ in sources(*FOLDERS)}
    templates = (ROOT / "actors/notifications/builtin").rglob("*.*")
    in_tree |= {f"sagamore/{path.relative_to(ROOT).as_posix()}" for path in templates}
    assert in_wheel == in_tree | {"sagamore/py.typed"}
