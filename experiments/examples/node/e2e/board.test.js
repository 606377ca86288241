// The end-to-end test itself, as short as can be: what the seed has made is there.
import assert from "node:assert/strict";
import test from "node:test";
import { PREFIX, ask } from "./api.js";

test("the board shows the tasks of a project", async () => {
  const [project] = await ask("GET", `/projects?prefix=${PREFIX}`);
  const tasks = await ask("GET", `/tasks?prefix=${PREFIX}`);
  assert.deepEqual(
    tasks.map((task) => task.project_id),
    [project.id, project.id, project.id],
  );
});
