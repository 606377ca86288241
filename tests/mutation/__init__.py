"""Whether the tests would notice: small defects planted in a sample of lines, one at a time.

`python -m tests.mutation --sample 300 --seed 1` draws lines of the rooms that decide whether a
database is told to be clean, plants one defect in each and runs the tests that matter, the file's
own first, until one fails. What no test notices is listed: it is either no defect at all, whose
reason `survivors.md` gives, or a test that is missing. Run by hand, never as root: a mutant of the
code that gives files away has changed /dev/null.
"""
