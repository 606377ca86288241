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
# Who has written to a recorded table and is not at the end, or runs a statement that does; locks
# are shown to every role. https://www.postgresql.org/docs/current/view-pg-locks.html
AT_WORK = f"""SELECT k.pid, k.virtualtransaction FROM pg_locks k
WHERE k.locktype = 'relation' AND k.granted AND k.mode IN ('RowExclusiveLock',
  'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND k.pid IS DISTINCT FROM pg_backend_pid() AND k.relation IN (
  SELECT relation FROM {SCHEMA}.recorded UNION ALL SELECT '{LOG}'::regclass)"""
