// A job as its follower sees it: a bar, what is going on, a button to stop; the job itself runs on without the page.
import { el } from "./dom.js";
import { get, remove } from "./api.js";
import { word } from "./texts.js";

const OVER = ["done", "failed", "stopped"];
const AGAIN = 5000; // milliseconds until a page asks again that could not follow, as too many did
const path = (id) => `/api/jobs/${encodeURIComponent(id)}`;

// Follows a job to its end. `event` gets each event; resolves with the job as it ended (state done, failed or stopped).
export function follow(id, event) {
  return new Promise((resolve, reject) => {
    let last = 0; // the number of the last event
    const listen = () => {
      const stream = new EventSource(`${path(id)}/events`);
      stream.onmessage = ({ data, lastEventId }) => {
        if (Number(lastEventId) <= last) return;
        last = Number(lastEventId);
        event(JSON.parse(data));
      };
      stream.addEventListener("end", () => {
        stream.close();
        get(path(id)).then(resolve, reject);
      });
      stream.onerror = () => {
        if (stream.readyState !== EventSource.CLOSED) return; // it reconnects by itself, and goes on where it was
        get(path(id)).then((job) => (OVER.includes(job.state) ? resolve(job) : setTimeout(listen, AGAIN)), reject);
      };
    };
    listen();
  });
}

export const file = (id, name, download = false) =>
  `${path(id)}/files/${encodeURIComponent(name)}${download ? "?download=true" : ""}`;

export class JobView {
  constructor() {
    this.bar = el("progress", { max: 1 });
    this.words = el("span", { role: "status" });
    this.stopButton = el("button", { type: "button", click: () => this.stop() }, word("lab.job.stop"));
    this.element = el("div", { class: "job", hidden: true }, this.bar, this.words, this.stopButton);
    this.id = null;
  }

  // `event(told)` is called for each event of the job. Resolves with the job as it ended.
  async follow(id, event = () => {}) {
    this.id = id;
    this.element.hidden = false;
    this.stopButton.hidden = false;
    this.bar.hidden = false;
    this.bar.removeAttribute("value");
    try {
      const { ahead, state } = await get(path(id));
      this.say(state, { ahead });
      const job = await follow(id, (told) => {
        if (this.id !== id) return;
        if (told.total) this.bar.value = told.done / told.total;
        this.say(told.state, told);
        event(told);
      });
      if (this.id === id) this.say(job.state, job);
      return job;
    } catch (problem) {
      this.words.replaceChildren(problem.status === 404 ? word("lab.job.gone") : problem.message);
      throw problem;
    } finally {
      if (this.id === id) this.bar.hidden = this.stopButton.hidden = true;
    }
  }

  say(state, values) {
    this.words.replaceChildren(word(`lab.job.${state}`, values));
  }

  async stop() {
    if (this.id) await remove(path(this.id)).catch(() => {});
  }
}
