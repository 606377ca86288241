from __future__ import annotations

import pytest

from harness.databases.sqlite.session import connect
from harness.faults import Shape
from harness.faults.scope_revoked import ScopeRevoked
from harness.steps import Step
from tests.faults.conftest import ENTITIES, Stage, plan
from tests.faults.served import Served


def test_the_backend_itself_denies(served: Served) -> None:
    """A DELETE is answered 403 and not tried again; lifted, the token is the baseline's again."""
    before = served.scopes()
    operation = served.last.label
    injector = served.injector(plan("scope_revoked", operation))
    report = served.clean(injector)
    assert [(f.step.operation, f.reason, f.code) for f in report.failures] == [
        (operation, "permission denied", 403)
    ]
    assert served.left() == [served.last.key[0][1]]
    (entry,) = injector.finish(report.failures)
    assert entry.surfaced
    assert entry.evidence == "api_tokens: bots:delete revoked (1 row changed)"
    assert served.scene.token not in entry.evidence
    assert served.scopes() == before
    assert injector.error is None


def test_a_phase_is_over_in_the_next(served: Served) -> None:
    """Every DELETE from the table is denied until the next phase begins."""
    before = served.scopes()
    injector = served.injector(plan("scope_revoked", served.last.label, "phase"))
    report = served.clean(injector)
    assert [f.code for f in report.failures] == [403, 403]
    assert "bots:delete" not in served.scopes()
    injector.listener(Step("verify", "differences", 1))
    assert served.scopes() == before
    assert injector.finish(report.failures)[0].surfaced


@pytest.mark.parametrize("lasting", [("attempt", "phase"), ("phase", "attempt")])
@pytest.mark.parametrize("tables", [("bots", "users"), ("users", "bots")])
def test_two_at_once_do_not_undo_each_other(
    served_file: Served, lasting: tuple[str, str], tables: tuple[str, str]
) -> None:
    """Each gives back its own scope alone, in its old place, whichever is lifted first."""
    served, before = served_file, served_file.scopes()
    injector = served.injector(
        *(plan("scope_revoked", f"delete {t} 1", la) for t, la in zip(tables, lasting, strict=True))
    )
    for table in tables:
        injector.listener(Step("cleanup", f"delete {table} 1", 1))
    injector.listener(Step("cleanup", "delete bots 99", 1))
    gone = tables[lasting.index("phase")]
    assert f"{gone}:delete" not in served.scopes()
    assert all(entry.fired for entry in injector.finish([]))
    assert served.scopes() == before


def test_what_a_restore_gave_back_is_not_written_again(served_file: Served) -> None:
    """A scope that is there already when the cycle ends costs no write, and no lock."""
    served, before = served_file, served_file.scopes()
    injector = served.injector(plan("scope_revoked", "delete bots 1", "cycle"))
    injector.listener(Step("cleanup", "delete bots 1", 1))
    other = connect(served.database)
    other.execute("UPDATE api_tokens SET scopes = ? WHERE token = ?", (before, served.scene.token))
    other.execute("BEGIN IMMEDIATE")  # who wanted to write now would have to wait
    (entry,) = injector.finish([])
    other.close()
    assert entry.evidence.endswith("(1 row changed)")
    assert served.scopes() == before


def test_locked_out(served_file: Served) -> None:
    """Nothing fires while a lock keeps writers out; what cannot be given back is said."""
    served = served_file
    other = connect(served.database)
    other.execute("BEGIN IMMEDIATE")
    injector = served.injector(plan("scope_revoked", "delete bots 1"))
    injector.listener(Step("cleanup", "delete bots 1", 1))
    assert injector.finish([])[0].fired is False
    other.execute("ROLLBACK")
    injector = served.injector(plan("scope_revoked", "delete bots 1"))
    injector.listener(Step("cleanup", "delete bots 1", 1))
    other.execute("BEGIN IMMEDIATE")
    assert injector.finish([])[0].evidence.endswith("still revoked, the database was locked")
    other.close()
    assert injector.error is None
    assert "bots:delete" not in served.scopes()


def test_given_back_later(served_file: Served) -> None:
    """What a lock kept from being given back is given back at the cycle's end."""
    served, before = served_file, served_file.scopes()
    injector = served.injector(plan("scope_revoked", "delete bots 1"))
    injector.listener(Step("cleanup", "delete bots 1", 1))
    other = connect(served.database)
    other.execute("BEGIN IMMEDIATE")
    injector.listener(Step("cleanup", "delete bots 1", 2))
    other.close()
    assert "bots:delete" not in served.scopes()
    assert injector.finish([])[0].evidence.endswith("(1 row changed)")
    assert served.scopes() == before


def test_nothing_to_revoke(served_file: Served) -> None:
    """A table that no scope speaks of, or a token nobody knows, leaves nothing to take away."""
    served = served_file
    injector = served.injector(plan("scope_revoked", "delete tags 1"))
    injector.listener(Step("cleanup", "delete tags 1", 1))
    assert injector.finish([])[0].fired is False
    served.scene.token = "nobody's"  # noqa: S105 - and nobody's password
    injector = served.injector(plan("scope_revoked", "delete bots 1"))
    injector.listener(Step("cleanup", "delete bots 1", 1))
    assert injector.finish([])[0].fired is False
    assert injector.error is None


def test_opportunities(stage: Stage) -> None:
    """Every attempt at every DELETE over HTTP; else it says why never."""
    http = Shape(ENTITIES, True, True, (), 3, stage.restricted, cleans_over_http=True)
    assert len(ScopeRevoked.slots(http)) == 3 * len(ENTITIES)
    assert ScopeRevoked.why_never(http) is None
    assert ScopeRevoked.slots(stage.shape()) == []
    assert ScopeRevoked.why_never(stage.shape()) == "the cleanup does not work over HTTP"
    assert ScopeRevoked.why_never(stage.shape(cleans=False)) == "the policy runs no cleanup"
