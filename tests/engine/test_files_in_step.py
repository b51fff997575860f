"""PROTOCOL 13, B15: whichever file is put back alone, the numbers of its pairs tell at the next start."""

import shutil
from pathlib import Path

import pytest

from sagamore.engine.dead_letters import DEAD_LETTERS, ReplayLetter
from sagamore.engine.errors import FileOutOfStep
from sagamore.engine.turn import Turn
from tests.engine.actors import Book, Desk, Note, Page, Post
from tests.engine.world import World

FILES = ("desk-0", "book-0", "dead_letters-0")


def breaks(message: Note, turn: Turn) -> None:
    if message.n % 10 == 5 and turn.sender == "desk/0":
        raise ZeroDivisionError


async def traffic(world: World, n: int) -> None:
    """Messages from desk to book, from book to the dead letters, and back."""
    await world.engine.ask("desk", Post("a", n, count=10))
    await world.until(lambda: bool(world.engine.alerts()))
    (letter,) = await world.letters()
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    await world.clock.advance(1_000)


def copy(source: Path, target: Path, file: str) -> None:
    """A database with its WAL, as a careless backup takes it."""
    for suffix in ("", "-wal", "-shm"):
        (target / f"{file}.sqlite{suffix}").unlink(missing_ok=True)
    for suffix in ("", "-wal"):
        if (source / f"{file}.sqlite{suffix}").exists():
            shutil.copy(source / f"{file}.sqlite{suffix}", target / f"{file}.sqlite{suffix}")


@pytest.mark.parametrize("file", FILES)
async def test_a13_a_file_put_back_from_earlier_in_the_same_life_is_named(world: World, file: str) -> None:
    backup = world.path.parent / "backup"
    backup.mkdir()
    await world.start(Desk(), Book(breaks))
    await traffic(world, 10)
    copy(world.path, backup, file)
    await traffic(world, 20)
    await world.kill()
    copy(world.path, backup.parent, file)  # the right one
    copy(backup, world.path, file)
    for _ in range(2):
        with pytest.raises(FileOutOfStep, match=rf"{file}\.sqlite is older than"):
            await world.start()
        await world.close()
    copy(backup.parent, world.path, file)
    engine = await world.start()
    await traffic(world, 30)
    page = await world.state("book", "a", Page)
    assert sorted(page.ns) == list(range(10, 40))
    assert engine.alerts() == ()


@pytest.mark.parametrize("at", ["first", "second"])
async def test_a13_the_whole_directory_put_back_from_one_copy_is_taken(world: World, at: str) -> None:
    backup = world.path.parent / "backup"
    await world.start(Desk(), Book(breaks))
    await traffic(world, 10)
    if at == "first":
        await world.kill()
        shutil.copytree(world.path, backup)
        await world.start()
    await traffic(world, 20)
    await world.kill()
    if at == "second":
        shutil.copytree(world.path, backup)
    shutil.rmtree(world.path)
    shutil.move(backup, world.path)
    await world.start()
    await traffic(world, 30)
    page = await world.state("book", "a", Page)
    assert sorted(page.ns) == [*range(10, 20), *(range(20, 30) if at == "second" else ()), *range(30, 40)]
