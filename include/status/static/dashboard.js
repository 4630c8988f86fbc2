// Asks every source at once and draws each card as soon as its sources have answered.

import { asAnswer, fetchDags, fetchJson, fetchLastRuns, followTheme } from "./airflow.js";
import * as cards from "./cards.js";
import { instant } from "./format.js";

const REFRESH = 60000;
const NEEDS = { // card: the sources without which it cannot be drawn
  totals: [], pipelines: ["dags"], records: ["history"], failed: ["history"], lost: ["history"], queues: ["queues"], freshness: [],
  quality: ["quality"], g1: ["g1"], failures: ["failures"],
};
const USES = { totals: ["history", "queues"], pipelines: ["dags", "history"], freshness: ["fundamentals", "loads"] };
const OVERALL = { healthy: ["ok", "Healthy"], degraded: ["warn", "Degraded"], failed: ["bad", "Failed"] };

let round = 0;
let answers = {};

const days = () => Number(document.querySelector("input[name=days]:checked").value);

function draw(source) {
  for (const [card, needs] of Object.entries(NEEDS)) {
    if (![...needs, ...(USES[card] ?? [])].includes(source)) continue;
    if (!needs.every((name) => answers[name])) continue;
    const section = document.getElementById(card);
    const place = section.querySelector(".body") ?? section;
    const shown = [cards[card](answers, days())].flat();
    place.replaceChildren(...shown);
    section.removeAttribute("aria-busy");
  }
}

function drawOverall(answer) {
  const pill = document.getElementById("overall");
  const idle = answer.jobs?.length === 0 && ["dim", "Nothing ran yet"];
  const [kind, text] = idle || (OVERALL[answer.overallStatus] ?? ["dim", "Status not available"]);
  pill.className = `pill ${kind}`;
  pill.textContent = text;
  pill.title = answer.reason ?? "The state of all pipelines, as GET /api/etl/status has it";
}

async function load(kept) {
  const mine = ++round;
  if (!kept) answers = {};
  document.querySelectorAll("main > section").forEach((section) => section.setAttribute("aria-busy", "true"));
  const ask = async (source, question) => {
    const answer = await asAnswer(question);
    if (mine !== round) return; // another stretch was chosen meanwhile
    answers[source] = answer;
    draw(source);
  };
  const card = (source, path) => ask(source, () => fetchJson(`cards/${path}`));
  const dags = ask("dags", async () => {
    const known = new Map(answers.dags?.dags?.map((dag) => [dag.dag_id, dag.run]));
    const answer = await fetchDags();
    for (const dag of answer.dags) [dag.run, dag.pending] = [known.get(dag.dag_id), true];
    if (mine === round) {
      answers.dags = answer; // the table is there at once, its last runs come one by one
      draw("dags");
    }
    await fetchLastRuns(answer.dags);
    return answer;
  });
  const status = asAnswer(() => fetchJson("../status")).then((answer) => mine === round && drawOverall(answer));
  await Promise.all([
    dags, card("history", `history?days=${days()}`), card("queues", "queues"), card("fundamentals", "fundamentals"),
    card("loads", "loads"), card("quality", `quality?days=${days()}`), card("failures", `failures?days=${days()}`),
    card("g1", "g1"), status,
  ]);
  if (mine !== round) return;
  document.getElementById("updated").textContent = `Updated ${instant(new Date(), "second")}.`;
  document.documentElement.dataset.loaded = String(mine);
}

followTheme();
document.querySelectorAll("input[name=days]").forEach((input) => input.addEventListener("change", () => load(true)));
document.getElementById("refresh").addEventListener("click", () => load(true));
setInterval(() => document.visibilityState === "visible" && load(true), REFRESH);
load(false);
