// The cleanup that many projects have. It works whenever anybody looks, and has three mistakes:
// comments came to the board late and stand in the wrong place, a request that fails is not made
// again, and what went wrong is only a warning: it ends with status 0 whatever it has left behind.
import { PREFIX, ask } from "./api.js";

for (const table of ["tasks", "comments", "projects", "users"]) {
  try {
    for (const row of await ask("GET", `/${table}?prefix=${PREFIX}`)) {
      await ask("DELETE", `/${table}/${row.id}`);
    }
  } catch (error) {
    console.warn(`cleanup: ${error.message}`);
  }
}
