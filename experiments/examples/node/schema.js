// Makes the task board's database, with what a team has worked on before any test runs.
// It stands in place of the migrations and the copy of production data that a project would have.
import { existsSync, rmSync } from "node:fs";
import Database from "libsql";

const path = process.env.DATABASE_PATH ?? "taskboard.sqlite";
for (const suffix of ["", "-wal", "-shm"]) {
  if (existsSync(path + suffix)) rmSync(path + suffix);
}
const db = new Database(path);
db.exec(`
  PRAGMA foreign_keys = ON;
  CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
  );
  CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    name TEXT NOT NULL
  );
  CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL
  );
  CREATE TABLE comments (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES tasks (id),
    name TEXT NOT NULL
  );
`);
db.exec("BEGIN");
const insert = {
  users: db.prepare("INSERT INTO users (name) VALUES (?)"),
  projects: db.prepare("INSERT INTO projects (user_id, name) VALUES (?, ?)"),
  tasks: db.prepare("INSERT INTO tasks (project_id, name) VALUES (?, ?)"),
  comments: db.prepare("INSERT INTO comments (task_id, name) VALUES (?, ?)"),
};
for (let user = 1; user <= 20; user++) {
  insert.users.run(`user ${user}`);
  for (let number = 1; number <= 3; number++) {
    const project = insert.projects.run(user, `project ${number} of user ${user}`).lastInsertRowid;
    for (let place = 1; place <= 5; place++) {
      const task = insert.tasks.run(project, `task ${place}`).lastInsertRowid;
      insert.comments.run(task, "looks good");
    }
  }
}
db.exec("COMMIT");
db.close();
console.log(`made ${path}`);
