// What all end-to-end scripts share: where the backend is, and how to ask it.
const BACKEND = process.env.BACKEND_URL ?? "http://127.0.0.1:3000";
const PATIENCE_MS = 1000; // for one answer

// Everything that an end-to-end test makes has a name that begins like this.
export const PREFIX = "e2e-";

export async function ask(method, path, body) {
  const response = await fetch(BACKEND + path, {
    method,
    headers: { "content-type": "application/json", connection: "close" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const text = await response.text();
  if (!response.ok) {
    throw Object.assign(new Error(`${method} ${path}: ${response.status} ${text}`), {
      status: response.status,
    });
  }
  return text ? JSON.parse(text) : null;
}
