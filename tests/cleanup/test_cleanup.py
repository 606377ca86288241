from __future__ import annotations

from harness.cleanup import CleanupReport
from harness.steps import Entity, Failure, Step


def bot(number: int) -> Entity:
    """Name a bot."""
    return Entity("bots", (("id", number),))


def failed(entity: Entity, reason: str, attempts: int = 3) -> tuple[Entity, Failure]:
    """Say that an entity could not be removed."""
    return entity, Failure(Step("cleanup", entity.label, attempts), reason, "...", 0)


def test_labels() -> None:
    """An operation is called by what it does, the table and the key."""
    assert bot(17).label == "delete bots 17"
    assert Entity("bot_tags", (("bot_id", 3), ("tag_id", 4))).label == "delete bot_tags 3 4"
    assert Entity("users", (("id", 3),), before=(("role", "x"),)).label == "revert users 3"
    assert Entity("users", (("id", 3),), before=()).label == "revert users 3"
    assert Entity("audit_log", (("id", 9),), after=True).label == "purge audit_log 9"


def test_the_summarys_own_scenario() -> None:
    """Bots 3 of 5, integrations 2 of 3, users 1 of 2: reported in the summary's form."""
    report = CleanupReport(
        removed={"bots": 3, "integrations": 2, "users": 1},
        wanted={"bots": 5, "integrations": 3, "users": 2, "bot_tags": 1},
        failed=[
            failed(bot(4), "foreign-key violation"),
            failed(Entity("integrations", (("id", 2),)), "network error"),
            failed(bot(5), "API timeout"),
            failed(Entity("users", (("id", 1),)), "permission denied", 1),
            failed(Entity("bot_tags", (("bot_id", 3), ("tag_id", 4))), "gave up", 0),
        ],
    )
    assert not report.ok
    assert report.sentences() == [
        "Bots: 3/5 deleted; failed: bots 4 (foreign-key violation, 3 attempts), "
        "bots 5 (API timeout, 3 attempts)",
        "Integrations: 2/3 deleted; failed: integrations 2 (network error, 3 attempts)",
        "Users: 1/2 deleted; failed: users 1 (permission denied, 1 attempt)",
        "Bot tags: 0/1 deleted; failed: bot_tags 3 4 (gave up)",
    ]


def test_all_is_well() -> None:
    """Nothing failed, nothing more is said."""
    report = CleanupReport(removed={"bots": 2}, wanted={"bots": 2})
    assert report.ok
    assert report.sentences() == ["Bots: 2/2 deleted"]
    assert CleanupReport().sentences() == []


def test_a_cleanup_that_fell_over_says_so() -> None:
    """A failure that belongs to no entity is not passed over in silence."""
    everything = Entity("everything", ())
    report = CleanupReport(failed=[failed(everything, "timeout")])
    assert not report.ok
    assert report.sentences() == ["Everything: failed (timeout)"]
