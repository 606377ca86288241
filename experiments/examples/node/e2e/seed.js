// Makes what an end-to-end test works with: a user with a project and three tasks. Every third
// cycle or so the story that is tested has somebody comment on a task.
import { PREFIX, ask } from "./api.js";

const seed = BigInt(process.env.HARNESS_SEED ?? Date.now());
const user = await ask("POST", "/users", { name: `${PREFIX}user-${seed}` });
const project = await ask("POST", "/projects", { user_id: user.id, name: `${PREFIX}project` });
let task;
for (const place of [1, 2, 3]) {
  task = await ask("POST", "/tasks", { project_id: project.id, name: `${PREFIX}task-${place}` });
}
if (seed % 3n === 0n) {
  await ask("POST", "/comments", { task_id: task.id, name: `${PREFIX}comment` });
}
