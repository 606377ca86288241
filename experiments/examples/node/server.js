// The task board's backend: four tables over HTTP, one connection to SQLite for as long as it runs.
import { createServer } from "node:http";
import Database from "libsql";

const PARENTS = { users: null, projects: "user_id", tasks: "project_id", comments: "task_id" };
const db = new Database(process.env.DATABASE_PATH ?? "taskboard.sqlite");
db.exec("PRAGMA foreign_keys = ON");
db.exec("PRAGMA busy_timeout = 200");

// Takes the write lock first: where another program has it, that is what fails. A single DELETE
// that fails so keeps its read lock in this driver, and then nobody else can write any more, not
// even to restore the database.
function write(sql, values) {
  db.exec("BEGIN IMMEDIATE");
  try {
    const done = db.prepare(sql).run(...values);
    db.exec("COMMIT");
    return done;
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

function create(table, row) {
  const parent = PARENTS[table];
  const made = parent
    ? write(`INSERT INTO ${table} (${parent}, name) VALUES (?, ?)`, [row[parent], row.name])
    : write(`INSERT INTO ${table} (name) VALUES (?)`, [row.name]);
  return [201, { id: Number(made.lastInsertRowid) }];
}

function list(table, prefix) {
  const found = db.prepare(`SELECT * FROM ${table} WHERE name LIKE ? || '%' ORDER BY id`);
  return [200, found.all(prefix)];
}

function remove(table, id) {
  const { changes } = write(`DELETE FROM ${table} WHERE id = ?`, [id]);
  return changes ? [204, null] : [404, { error: `no ${table} ${id}` }];
}

function answer(method, url, body) {
  if (url.pathname === "/health") return [200, { ok: true }];
  const [, table, id] = url.pathname.split("/");
  if (!Object.hasOwn(PARENTS, table)) return [404, { error: `no ${url.pathname}` }];
  if (method === "POST") return create(table, JSON.parse(body));
  if (method === "GET") return list(table, url.searchParams.get("prefix") ?? "");
  if (method === "DELETE") return remove(table, Number(id));
  return [405, { error: method }];
}

function status(error) {
  const text = `${error.code} ${error.message}`;
  if (/FOREIGN ?KEY|UNIQUE|CONSTRAINT/i.test(text)) return 409;
  return /BUSY|locked/i.test(text) ? 503 : 500;
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    let code, body;
    try {
      const url = new URL(request.url, "http://localhost");
      [code, body] = answer(request.method, url, Buffer.concat(parts).toString());
    } catch (error) {
      [code, body] = [status(error), { error: error.message }];
    }
    response.writeHead(code, { "content-type": "application/json" });
    response.end(body === null ? undefined : JSON.stringify(body));
  });
});

const port = Number(process.env.PORT ?? 3000);
server.listen(port, "127.0.0.1", () => console.log(`listening on ${port}`));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    db.close();
    process.exit(0);
  });
}
