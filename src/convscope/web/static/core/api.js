// Asking the server. What it refuses is told in its own one line; what is asked again makes the earlier answer void.
import { $, el } from "./dom.js";
import { t } from "./texts.js";

export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem);
    Object.assign(this, { status, retryAfter });
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Refused(0, t("lab.unreachable"));
  }
  if (response.ok) return response.json();
  const told = await response.json().catch(() => ({ problem: `${response.status} ${response.statusText}` }));
  throw new Refused(response.status, told.problem, Number(response.headers.get("Retry-After")) || null);
}

const query = (values) =>
  new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));

export const get = (path, values = {}, options = {}) => ask(Object.keys(values).length ? `${path}?${query(values)}` : path, options);
export const post = (path, values, options = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values), ...options });
export const remove = (path) => ask(path, { method: "DELETE" });
export const upload = (file) =>
  ask("/api/uploads", { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });

// One question at a time, always the latest: `latest()(signal => post(..., {signal}))` gives null when overtaken.
export function latest() {
  let running = null;
  return async (asking) => {
    running?.abort();
    const own = (running = new AbortController());
    try {
      const answer = await asking(own.signal);
      return own.signal.aborted ? null : answer;
    } catch (problem) {
      if (own.signal.aborted || problem.name === "AbortError") return null;
      throw problem;
    }
  };
}

// Shows a problem to the reader, until closed or until the next one; `tell(null)` takes it away.
export function tell(problem) {
  const place = $("#problems");
  place.replaceChildren();
  if (!problem) return;
  if (!(problem instanceof Refused)) console.error(problem);
  place.append(
    el("p", {}, problem.message),
    el("button", { type: "button", class: "quiet", click: () => tell(null) }, t("lab.close")),
  );
}
