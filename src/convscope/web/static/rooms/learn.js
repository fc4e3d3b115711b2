// The room: what is given, how to go downhill, the descent as it is watched, and the exact answer; all in the address.
import { latest, post, tell } from "../core/api.js";
import { $, el } from "../core/dom.js";
import { JobView } from "../core/jobs.js";
import { read, write } from "../core/link.js";
import { Snippet } from "../core/snippet.js";
import { word } from "../core/texts.js";
import { AnswerView } from "./learn-answer.js";
import { choices, hide, kernelOf, TaskForm } from "./learn-task.js";
import { Watch } from "./learn-watch.js";
import { WaysForm } from "./learn-ways.js";

const DEFAULTS = {
  mode: "secret",
  picture: "builtin:castle",
  kernel: "",
  secret: hide("1,2,0;2,0,-2;0,-2,-1"),
  shown: "",
  noise: "0",
  after: "done:sharpened",
  rows: "",
  columns: "",
  optimizer: "momentum",
  momentum: "0.9",
  rate: "",
  steps: "300",
  seed: "0",
  bias: "0",
  scale: "log",
  run: "",
  at: "",
};

const state = read(DEFAULTS);
const offered = await choices();
const forms = { task: new TaskForm(state, offered, change), ways: new WaysForm(state, change) };
const watch = new Watch({ reveal, seen: (step) => remember({ at: step }), setLog });
const answer = new AnswerView();
const job = new JobView();
const snippet = new Snippet();
const asking = latest();
const runWord = word("learn.learn");
const run = el("button", { type: "button", class: "main", click: () => learn() }, runWord);
let given = null;
let running = false;

$("#task").append(forms.task.element);
$("#descent").append(forms.ways.element, el("div", { class: "start" }, run, job.element), watch.element);
$("#answer").append(answer.element);
$("#same").append(snippet.element);
answer.clear();
await foresee(state.run === "1");

function remember(changes) {
  Object.assign(state, changes);
  write(state, DEFAULTS);
}

function reveal() {
  remember({ shown: "1" });
  watch.cover(false);
}

function setLog(log) {
  remember({ scale: log ? "log" : "even" });
  watch.setLog(log);
}

// Something is to be another: what was learned is void, and unless it is kept the rate is suggested anew.
function change(changes, { keepRate = false } = {}) {
  remember({ ...(keepRate ? {} : { rate: "" }), ...(changes.mode ? { bias: changes.mode === "pair" ? "1" : "0" } : {}), ...changes, run: "", at: "" });
  for (const form of Object.values(forms)) form.sync();
  return foresee(false);
}

function asked() {
  const secret = state.mode === "secret";
  const count = (text) => (text === "" ? null : Number(text));
  return {
    picture: state.picture,
    ...(secret ? { kernel: kernelOf(state, offered.kernels), noise: Number(state.noise) } : { after: state.after }),
    rows: count(state.rows),
    columns: count(state.columns),
    rate: count(state.rate),
    steps: Number(state.steps),
    optimizer: state.optimizer,
    momentum: Number(state.momentum),
    bias: state.bias === "1",
    seed: Number(state.seed),
  };
}

async function foresee(thenLearn) {
  if (running) job.stop();
  running = false;
  job.element.hidden = true;
  answer.clear();
  try {
    const told = await asking((signal) => post("/api/learn/foresee", asked(), { signal }));
    if (!told) return;
    tell(null);
    given = told;
    forms.task.show(told);
    forms.ways.show(told);
    watch.expect({ ...told, given: state.mode }, { steps: Number(state.steps), hidden: state.mode === "secret" && state.kernel === "" && state.shown !== "1", log: state.scale === "log" });
    snippet.show(told.python);
    runWord.say("learn.learn");
    run.disabled = false;
    if (thenLearn) await learn(state.at === "" ? null : Number(state.at));
  } catch (problem) {
    run.disabled = true;
    tell(problem);
  }
}

// at: the step that a link shows, once all are there.
async function learn(at = null) {
  const mine = given;
  run.disabled = true;
  try {
    tell(null);
    const { job: id } = await post("/api/learn/learn", asked());
    if (mine !== given) return;
    remember({ run: "1" });
    answer.clear(true);
    watch.begin();
    running = true;
    const ended = await job.follow(id, (event) => {
      if (mine !== given) return;
      if (event.phase === "descending") watch.add(event);
      if (event.phase === "recovering") {
        job.bar.removeAttribute("value");
        job.words.replaceChildren(word("learn.recovering"));
      }
    });
    if (mine !== given) return;
    running = false;
    watch.end(ended.data?.descent ?? null, at);
    if (ended.state === "done") {
      await watch.finished;
      if (mine !== given) return;
      answer.show(ended.data.answer);
      if (state.shown !== "1" && ended.data.answer.believable) reveal();
    } else answer.clear();
    runWord.say("learn.again");
  } catch (problem) {
    if (mine === given) tell(problem);
  } finally {
    if (mine === given) run.disabled = false;
  }
}
