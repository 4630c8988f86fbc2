// Airflow around us: its public API (with the reader's cookie), its pages and its light or dark theme.

const ROOT = new URL("../../../", document.baseURI); // of /api/etl/dashboard/
const PATIENCE = 15000;
const PAGE = 100;
const AT_ONCE = 4;

export async function fetchJson(path) {
  const answer = await fetch(new URL(path, document.baseURI), {
    headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE),
  });
  if (!answer.ok) throw new Error(await said(answer));
  return answer.json();
}

async function said(answer) {
  if (answer.status === 401) return "You are not signed in any more; load the page again.";
  if (answer.status === 403) return "You have no right to read this.";
  const detail = await answer.json().then((body) => body.detail, () => null);
  return typeof detail === "string" ? detail : `The web server answered ${answer.status}.`;
}

// what a card gets instead of an exception
export async function asAnswer(question) {
  try {
    return await question();
  } catch (error) {
    const late = error.name === "TimeoutError" ? `No answer within ${PATIENCE / 1000} s.` : null;
    const gone = error instanceof TypeError ? "The web server cannot be reached." : null;
    return { available: false, reason: late ?? gone ?? error.message };
  }
}

export async function fetchDags() {
  const dags = [];
  for (let offset = 0, total = 1; offset < total; offset += PAGE) {
    const page = await fetchJson(new URL(`api/v2/dags?limit=${PAGE}&offset=${offset}&order_by=dag_id`, ROOT));
    dags.push(...page.dags);
    total = page.total_entries;
  }
  return { available: true, dags: dags.filter((dag) => !dag.is_stale) };
}

const runsOf = (id, limit) =>
  fetchJson(new URL(`api/v2/dags/${id}/dagRuns?limit=${limit}&order_by=-run_after`, ROOT));

// gives each DAG its last run: the newest runs of all at once, then the DAGs that are not among them one by one
export async function fetchLastRuns(dags) {
  const newest = await asAnswer(() => runsOf("~", PAGE));
  const found = new Map(newest.dag_runs?.map((run) => [run.dag_id, run]).reverse());
  const waiting = dags.filter((dag) => !give(dag, found.get(dag.dag_id)));
  const worker = async () => {
    for (let dag = waiting.shift(); dag; dag = waiting.shift()) {
      const answer = await asAnswer(() => runsOf(encodeURIComponent(dag.dag_id), 1));
      give(dag, answer.dag_runs?.[0]);
      dag.pending = false;
      if (answer.available === false) dag.unknown = "not available";
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function give(dag, run) {
  if (run) [dag.run, dag.pending] = [run, false];
  return Boolean(run);
}

const framed = window.parent !== window;

// the frame may not leave itself: Airflow's own router is told to go there
export function openPage(event, path) {
  if (!framed || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  window.parent.history.pushState({}, "", openPage.url(path));
  window.parent.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}
openPage.url = (path) => new URL(path, ROOT).href;

export function followTheme() {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const outside = framed ? window.parent.document.documentElement : null;
  const apply = () => {
    const names = outside?.className.split(/\s+/) ?? [];
    const dark = names.includes("dark") || (!names.includes("light") && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  };
  apply();
  system.addEventListener("change", apply);
  if (outside) new MutationObserver(apply).observe(outside, { attributes: true, attributeFilter: ["class"] });
}
