from __future__ import annotations

from harness.databases.sqlite.ddl import checks_of, is_deferred, tokens_of, unquote, words_of


def test_every_check_is_found() -> None:
    """CHECKs of columns and of the table are found whole, brackets, quotes and comments and all."""
    sql = """CREATE TABLE t ( -- CHECK (no)
      a TEXT CHECK (a IN ('x)', 'y''z')), /* CHECK (neither) */
      [check this] INT, CONSTRAINT c CHECK (([check this] > 0) AND (a <> '')))"""
    assert checks_of(sql) == ("a IN ('x)', 'y''z')", "([check this] > 0) AND (a <> '')")
    assert checks_of("CREATE TABLE t (a CHECK (unclosed") == ()


def test_names_and_deferral() -> None:
    """Quotes come off identifiers, words are found in any quotes, deferral in any case."""
    assert [unquote(n) for n in ('"a""b"', "[a b]", "`a`", "a")] == ['a"b', "a b", "a", "a"]
    assert {"lower", "e mail"} <= words_of('lower("E Mail")')
    assert is_deferred("x REFERENCES y DEFERRABLE initially  deferred")
    assert not is_deferred("x REFERENCES y DEFERRABLE INITIALLY IMMEDIATE")


def test_comments_are_no_tokens() -> None:
    """What looks like a comment inside a text or a name is none."""
    sql = "a /* b */ '--c' \"/*d*/\" -- e"
    assert [token.group() for token in tokens_of(sql)] == ["a", "'--c'", '"/*d*/"']
