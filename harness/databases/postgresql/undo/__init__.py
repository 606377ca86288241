"""The undo log: what the tests change is recorded in the database itself, and undone there.

Triggers write each row that goes and each that comes into one table, the log. A row that came and
went again cancels out, so neither the order of things nor a key matters: the baseline is what is
there, less what is in the log as come, plus what is in it as gone. Nobody has to leave for that.

Whoever writes to a recorded table holds a lock on the log until the end of its transaction; who
undoes takes a stronger one, and so nobody is at work whose rows are not in the log yet.

https://www.postgresql.org/docs/current/sql-createtrigger.html
"""
