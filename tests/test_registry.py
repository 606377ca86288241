from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import registry
from harness.cleanup import Cleanup
from harness.errors import UnknownName
from harness.faults import Fault
from harness.recovery import Recovery
from harness.workloads import Workload

BASES = {"faults": Fault, "recovery": Recovery, "cleanup": Cleanup, "workloads": Workload}


def forget() -> None:
    """Look again at what is installed."""
    registry.find.cache_clear()
    registry.names.cache_clear()


@pytest.mark.parametrize("package", registry.PACKAGES)
def test_every_built_in_is_found(package: str) -> None:
    """Each name leads to a class that carries it and is what its package is about."""
    known = registry.names(package)
    assert list(known) == sorted(set(known))
    for name in known:
        found = registry.find(package, name)
        assert found.name == name
        assert found.__module__ == f"harness.{package}.{name}"
        if package in BASES:
            assert issubclass(found, BASES[package])
            assert found.contract


def test_those_that_experiments_name_are_there() -> None:
    """The names in use do not vanish unnoticed."""
    assert set(registry.names("faults")) >= {
        "backup_missing",
        "backup_truncated",
        "disk_full",
        "foreign_key",
        "io_error",
        "noop",
        "permission",
        "timeout",
    }
    assert set(registry.names("recovery")) >= {"file_copy", "online_backup", "wal_pin"}
    assert "sql" in registry.names("cleanup")
    assert "platform" in registry.names("workloads")


@pytest.mark.parametrize("package", registry.PACKAGES)
def test_one_file_is_one_name(package: str) -> None:
    """Every file of a room is a part with that name, and what lies in its folders is none."""
    home = importlib.import_module(f"harness.{package}")
    modules = list(pkgutil.iter_modules(home.__path__))
    assert {m.name for m in modules if not m.ispkg} == set(registry.names(package))
    for name in registry.built_in(package):
        assert registry.find(package, name).name == name


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("time_out", "timeout"), ("disk", "disk_full"), ("no-op", "noop")]
)
def test_an_unknown_name_gives_the_nearest(wrong: str, nearest: str) -> None:
    """Whoever mistypes is told what was probably meant, and what there is."""
    with pytest.raises(UnknownName) as refused:
        registry.find("faults", wrong)
    assert f"did you mean {nearest!r}?" in str(refused.value)
    assert "known: backend_killed, " in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("wrong", ["xyzzy", "", "plan", "injector", "__init__", "os.path"])
def test_nothing_else_is_found(wrong: str) -> None:
    """A helper, a module of elsewhere or nonsense is no fault; nonsense is near to nothing."""
    with pytest.raises(UnknownName) as refused:
        registry.find("faults", wrong)
    if wrong == "xyzzy":
        assert "did you mean" not in str(refused.value)


THEIRS = """
from harness.faults import Fault
from harness.faults.noop import Noop

class Gremlin(Noop):
    name = "gremlin"

class Impostor(Noop):
    name = "timeout"

class Nameless(Fault):
    contract = "Has no name."

class Mute(Fault):
    name = "mute"

class Half(Fault):
    name = "half"
    contract = "Cannot strike."

def function(): ...
"""
ENTRY_POINTS = """
[harness.faults]
gremlin = their_faults_{number}:Gremlin
timeout = their_faults_{number}:Impostor
broken = their_faults_{number}:Missing
absent = no_such_module_{number}:Any
raising = their_raising_{number}:Any
function = their_faults_{number}:function
other_name = their_faults_{number}:Gremlin
nameless = their_faults_{number}:Nameless
mute = their_faults_{number}:Mute
half = their_faults_{number}:Half

[harness.recovery]
theirs = their_faults_{number}:Gremlin
"""


@pytest.fixture
def installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """Install a distribution as pip does: a module and its metadata, in a folder on the path."""
    number = abs(hash(request.node.name))
    (folder / f"their_faults_{number}.py").write_text(THEIRS)
    (folder / f"their_raising_{number}.py").write_text("1 / 0")
    install(folder, "their-faults", ENTRY_POINTS.format(number=number))
    monkeypatch.syspath_prepend(str(folder))
    forget()
    yield folder
    monkeypatch.undo()
    forget()
    sys.modules.pop(f"their_faults_{number}", None)


def install(folder: Path, name: str, points: str) -> None:
    """Write the metadata of a distribution called ``name`` with these entry points."""
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(points)


def test_other_peoples_are_found(installed: Path) -> None:
    """An entry point of an installed distribution is named and found like a built-in one."""
    assert "gremlin" in registry.names("faults")
    assert "theirs" in registry.names("recovery")
    assert "theirs" not in registry.names("faults")
    found = registry.find("faults", "gremlin")
    assert found.name == "gremlin"
    assert issubclass(found, Fault)
    with pytest.raises(UnknownName, match="did you mean 'gremlin'"):
        registry.find("faults", "gremlins")


def test_nobody_takes_a_built_in_ones_place(installed: Path) -> None:
    """An entry point called as a built-in one does not change what experiments measure."""
    assert registry.find("faults", "timeout").__module__ == "harness.faults.timeout"
    assert registry.names("faults").count("timeout") == 1


@pytest.mark.parametrize(
    ("package", "name", "said"),
    [
        ("faults", "broken", "does not load: AttributeError"),
        ("faults", "absent", "does not load: ModuleNotFoundError"),
        ("faults", "raising", "does not load: ZeroDivisionError"),
        ("faults", "function", "is no class"),
        ("faults", "other_name", "carries the name 'gremlin': write name = 'other_name'"),
        ("faults", "nameless", "carries no name: write name = 'nameless'"),
        ("faults", "mute", "has no contract"),
        ("faults", "half", "does not say how it does: slots, strike"),
        ("recovery", "theirs", "is a class but no Recovery: derive it from"),
    ],
)
def test_one_that_cannot_be_used_says_so(
    installed: Path, package: str, name: str, said: str
) -> None:
    """What is wrong with an entry point is a usage error naming it, its class and its package."""
    with pytest.raises(UnknownName) as refused:
        registry.find(package, name)
    assert str(refused.value).startswith(f"{package} {name!r} (their_") or name == "absent"
    assert "of their-faults 1.0)" in str(refused.value)
    assert said in str(refused.value)
    assert refused.value.exit_code == 2


def test_two_of_one_name_are_refused(installed: Path) -> None:
    """Two distributions that offer the same name mean neither, and both are named."""
    install(installed, "rival", "[harness.faults]\ngremlin = rival:Gremlin\n")
    forget()
    with pytest.raises(UnknownName, match=r"offered more than once: .*rival 1\.0.*their-faults 1"):
        registry.find("faults", "gremlin")


def test_gone_with_its_distribution() -> None:
    """Once it is no longer installed it is unknown again: the fixture leaves nothing."""
    assert "gremlin" not in registry.names("faults")
