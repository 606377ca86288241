"""Small nasty schemas: those that take rows, and those that take none, with SQLite's own words."""

TAKES = {
    "like": (
        "CREATE TABLE t(c TEXT NOT NULL CHECK(c LIKE '%_@_%._%'), e TEXT CHECK(e like 'http%'))"
    ),
    "check_in": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT NOT NULL CHECK (s IN ('new','old')))"
    ),
    "range": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, p INT NOT NULL CHECK (p BETWEEN 1900 AND "
        "2100), q REAL CHECK(q > 0.5 and q < 0.75))"
    ),
    "length": (
        "CREATE TABLE t(c TEXT PRIMARY KEY CHECK(length(c)=5), d VARCHAR(3) NOT NULL UNIQUE)"
    ),
    "glob": (
        "CREATE TABLE t(c TEXT NOT NULL UNIQUE CHECK(c GLOB '[A-Z][A-Z]-[0-9][0-9][0-9][0-9]'))"
    ),
    "like2": ("CREATE TABLE t(email TEXT NOT NULL UNIQUE CHECK(email LIKE '%_@_%._%'))"),
    "date": (
        "CREATE TABLE t(d TEXT NOT NULL CHECK(d IS date(d)), e TEXT NOT NULL "
        "CHECK(datetime(e) IS NOT NULL), u TEXT UNIQUE CHECK (u = strftime('%Y-%m-%d', "
        "u)))"
    ),
    "two_col": (
        "CREATE TABLE t(a INT NOT NULL, b INT NOT NULL, c TEXT CHECK(length(c) > 3 AND c "
        "NOT GLOB '*[^0-9]*'), CHECK (a < b))"
    ),
    "dates_order": (
        "CREATE TABLE t(starts_on DATE NOT NULL, ends_on DATE NOT NULL, CHECK (ends_on > "
        "starts_on))"
    ),
    "strict": (
        "CREATE TABLE t(i INTEGER, t TEXT NOT NULL, r REAL NOT NULL, b BLOB NOT NULL, a "
        "ANY NOT NULL, n INT NOT NULL UNIQUE) STRICT"
    ),
    "generated": (
        "CREATE TABLE t(a INT NOT NULL, b INT GENERATED ALWAYS AS (a*2) STORED UNIQUE, c AS (a+1))"
    ),
    "without": ("CREATE TABLE t(a TEXT, b INT, v TEXT, PRIMARY KEY(a,b)) WITHOUT ROWID"),
    "nokey": ('CREATE TABLE "odd ""name"("select" TEXT, "a b" INT)'),
    "onlyid": ("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)"),
    "self": ("CREATE TABLE t(id INTEGER PRIMARY KEY, p INT NOT NULL REFERENCES t(id))"),
    "selfnull": ("CREATE TABLE t(id INTEGER PRIMARY KEY, p INT REFERENCES t)"),
    "selftext": ("CREATE TABLE t(id TEXT PRIMARY KEY, p TEXT NOT NULL REFERENCES t(id))"),
    "cycle_deferred": (
        "CREATE TABLE a(id INTEGER PRIMARY KEY, b INT NOT NULL REFERENCES b DEFERRABLE "
        "INITIALLY DEFERRED); CREATE TABLE b(id INTEGER PRIMARY KEY, a INT NOT NULL "
        "REFERENCES a DEFERRABLE INITIALLY DEFERRED)"
    ),
    "cycle_deferred_text": (
        "CREATE TABLE a(id TEXT PRIMARY KEY, b TEXT NOT NULL REFERENCES b DEFERRABLE "
        "INITIALLY DEFERRED); CREATE TABLE b(id TEXT PRIMARY KEY, a TEXT NOT NULL "
        "REFERENCES a)"
    ),
    "cycle_null": (
        "CREATE TABLE a(id INTEGER PRIMARY KEY, b INT REFERENCES b); CREATE TABLE b(id "
        "INTEGER PRIMARY KEY, a INT NOT NULL REFERENCES a)"
    ),
    "composite": (
        "CREATE TABLE p(a TEXT, b INT, n TEXT, PRIMARY KEY(a,b)); CREATE TABLE c(id "
        "INTEGER PRIMARY KEY, x TEXT NOT NULL, y INT NOT NULL, FOREIGN KEY(x,y) "
        "REFERENCES p(a,b))"
    ),
    "shared": (
        "CREATE TABLE org(id INTEGER PRIMARY KEY); CREATE TABLE u(org INT NOT NULL "
        "REFERENCES org, n INT NOT NULL, PRIMARY KEY(org,n)); CREATE TABLE d(id INTEGER "
        "PRIMARY KEY, org INT NOT NULL REFERENCES org, n INT NOT NULL, FOREIGN "
        "KEY(org,n) REFERENCES u(org,n))"
    ),
    "onetoone": (
        "CREATE TABLE u(id INTEGER PRIMARY KEY); CREATE TABLE p(u INT NOT NULL UNIQUE "
        "REFERENCES u ON DELETE CASCADE, bio TEXT)"
    ),
    "pkfk": (
        "CREATE TABLE u(id INTEGER PRIMARY KEY); CREATE TABLE p(id INTEGER PRIMARY KEY "
        "REFERENCES u)"
    ),
    "nonpkref": (
        "CREATE TABLE u(id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE); CREATE TABLE "
        "p(code TEXT NOT NULL REFERENCES u(code))"
    ),
    "case": (
        "CREATE TABLE Users(Id INTEGER PRIMARY KEY); CREATE TABLE p(UserId INT NOT NULL "
        "REFERENCES users(ID))"
    ),
    "partial": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, s TEXT NOT NULL CHECK(s IN "
        "('on','off'))); CREATE UNIQUE INDEX i ON t(s) WHERE s='on'"
    ),
    "exprindex": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, email TEXT NOT NULL); CREATE UNIQUE "
        "INDEX i ON t(lower(email)); INSERT INTO t VALUES(1,'A@b.c')"
    ),
    "trigger": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT NOT NULL); CREATE TRIGGER g BEFORE "
        "INSERT ON t WHEN new.n < 100 BEGIN SELECT RAISE(ABORT,'n too small'); END"
    ),
    "fts": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT); CREATE VIRTUAL TABLE f USING "
        "fts5(body); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO f(rowid,body) "
        "VALUES(new.id,new.body); END"
    ),
    "rtree": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)"
    ),
    "view": (
        "CREATE TABLE t(a); CREATE VIEW v AS SELECT nope FROM t; CREATE VIEW w AS SELECT * FROM t"
    ),
    "singleton": ("CREATE TABLE t(id INTEGER PRIMARY KEY CHECK(id=1), v TEXT)"),
    "json": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT NOT NULL CHECK(json_valid(x)), y "
        "TEXT NOT NULL CHECK (json_type(y)='array'))"
    ),
    "typeof": (
        "CREATE TABLE t(a NOT NULL CHECK(typeof(a)='blob'), b CHECK(typeof(b)='real' and "
        "b is not null), c TEXT NOT NULL CHECK (c <> '' AND c = upper(c)))"
    ),
    "named": (
        "CREATE TABLE t(a INT NOT NULL, b INT NOT NULL, CONSTRAINT total CHECK (a + b = 100))"
    ),
    "hiddenrowid2": ("CREATE TABLE t(rowid TEXT)"),
    "desc": ("CREATE TABLE t(id INTEGER PRIMARY KEY DESC, v TEXT)"),
    "boolpk": ("CREATE TABLE t(f BOOLEAN NOT NULL UNIQUE)"),
    "uniqin": ("CREATE TABLE t(f TEXT NOT NULL UNIQUE CHECK(f IN ('a','b','c')))"),
    "utf16": ("PRAGMA encoding='UTF-16'; CREATE TABLE t(a TEXT NOT NULL)"),
    "coll": ("CREATE TABLE t(a TEXT COLLATE NOCASE PRIMARY KEY); INSERT INTO t VALUES ('ab')"),
    "maxid": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(9223372036854775807,1)"
    ),
    "or_default": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, ts TEXT DEFAULT CURRENT_TIMESTAMP, v "
        "TEXT DEFAULT ('x'||1))"
    ),
    "uuid": (
        "CREATE TABLE t(id TEXT PRIMARY KEY NOT NULL CHECK (length(id)=36), h BLOB NOT "
        "NULL CHECK(length(h)=16))"
    ),
}

REFUSES = {
    "cycle_impossible": (
        "CREATE TABLE a(id INTEGER PRIMARY KEY, b INT NOT NULL REFERENCES b); CREATE "
        "TABLE b(id INTEGER PRIMARY KEY, a INT NOT NULL REFERENCES a)"
    ),
    "trigger_never": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT NOT NULL); CREATE TRIGGER g BEFORE "
        "INSERT ON t BEGIN SELECT RAISE(ABORT,'read only'); END"
    ),
    "trigger_ignore": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT NOT NULL); CREATE TRIGGER g BEFORE "
        "INSERT ON t BEGIN SELECT RAISE(IGNORE); END"
    ),
    "singleton_full": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY CHECK(id=1), v TEXT); INSERT INTO t VALUES(1,'x')"
    ),
    "noparent": ("CREATE TABLE t(id INTEGER PRIMARY KEY, x INT NOT NULL REFERENCES nobody(id))"),
    "mismatch": (
        "CREATE TABLE p(a INT); CREATE TABLE t(id INTEGER PRIMARY KEY, x INT REFERENCES p(a))"
    ),
}

# what SQLite says of them, and the table
WORDS = {
    "cycle_impossible": ("a", "NOT NULL constraint failed: a.b"),
    "trigger_never": ("t", "read only"),
    "trigger_ignore": ("t", "the row is not there after its INSERT"),
    "singleton_full": ("t", "UNIQUE constraint failed: t.id"),
    "noparent": ("t", "no such table: main.nobody"),
    "mismatch": ("t", 'foreign key mismatch - "t" referencing "p"'),
}
