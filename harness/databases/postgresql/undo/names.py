"""What the undo log calls its own things in a guarded database."""

SCHEMA = "reliability_harness_undo"
LOG = f"{SCHEMA}.log"
TRIGGER = "reliability_harness_undo"  # with what it fires on after it
EVENTS = ("ddl_command_end", "sql_drop")  # of which an event trigger notes what is defined
NO_TABLE = 0  # in the log in place of a table's number: a row says why it cannot be undone by it
INNERMOST = 2**31 - 1  # the level of rows that no deeper one has been begun after
# What its functions raise (SQLSTATE), of a class that nobody else has.
NOT_BY_IT = "RH001"  # something was done that it cannot undo
NOT_AS_RECORDED = "RH002"  # what is there is not what was recorded
OURS = "reliability_harness.undoing"  # a setting of transactions that are its own
BODY = "$reliability_harness_undo$"  # around text in which names of tables are
