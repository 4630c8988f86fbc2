// What each card shows, from the answers of its sources. A source that is away is said, not hidden.

import { sparkline, strip, timeChart } from "./charts.js";
import { badge, h, table } from "./dom.js";
import { compact, duration, instant, milliseconds, NONE, number, percent, relative } from "./format.js";
import { openPage } from "./airflow.js";

const sum = (values) => values.reduce((total, value) => total + value, 0);

export const away = (answer) =>
  h("p", { class: "away" }, h("strong", null, "Not available. "), answer.reason);

const empty = (...words) => h("p", { class: "empty" }, words);

const when = (at) => (at == null ? h("span", { class: "dim" }, NONE)
  : h("time", { datetime: at, title: `${instant(at)} UTC` }, relative(at), h("small", null, instant(at, isThisYear(at) ? "dayMinute" : "full"))));

const isThisYear = (at) => new Date(at).getUTCFullYear() === new Date().getUTCFullYear();

const link = (text, path) => h("a", { href: openPage.url(path), onclick: (event) => openPage(event, path) }, text);

// --- totals ---------------------------------------------------------------------------------------

export function totals({ history, queues }) {
  const of = (column) => sum(history.series.map((line) => sum(line[column])));
  const tiles = [];
  if (history?.available) {
    const [tries, bad] = [of("tries"), of("failed_tries")];
    const [done, lost] = [of("records_processed"), of("records_failed")];
    tiles.push(
      tile("Records processed", number(done), `${number(tries)} task tries`),
      tile("Records failed", number(lost), done + lost ? `${percent((100 * lost) / (done + lost), 2)} of all` : NONE,
        lost && "warn"),
      tile("Failed task tries", number(bad), tries ? `${percent((100 * bad) / tries, 2)} of all` : NONE, bad && "warn"),
    );
  } else tiles.push(...["Records processed", "Records failed", "Failed task tries"].map((name) => unknown(name, history)));
  if (queues?.available) {
    const known = queues.queues.filter((row) => !row.error);
    const [waiting, dead] = ["waiting", "dead"].map((column) => sum(known.map((row) => row[column] ?? 0)));
    tiles.push(
      tile("Messages waiting", number(waiting), "now, in all queues"),
      tile("Dead letters", number(dead), dead ? "see Queues" : "none", dead && "bad"),
    );
  } else tiles.push(...["Messages waiting", "Dead letters"].map((name) => unknown(name, queues)));
  return tiles;
}

const tile = (name, value, note, kind) =>
  h("div", { class: `tile ${kind || ""}` }, h("span", null, name), h("b", null, value), h("small", null, note));

const unknown = (name, answer) => tile(name, answer ? NONE : "…", answer ? "not available" : "loading");

// --- health and runs ------------------------------------------------------------------------------

const STATES = {
  success: ["ok", "Success"], failed: ["bad", "Failed"], running: ["info", "Running"], queued: ["info", "Queued"],
};

export function pipelines({ dags, history }, days) {
  if (!dags.available) return away(dags);
  if (!dags.dags.length) return empty("You may read no DAG, or Airflow has not parsed the first one yet.");
  const columns = [
    { title: "DAG", cell: (dag) => link(dag.dag_id, `dags/${dag.dag_id}`) },
    { title: "Last run", cell: (dag) => lastRun(dag) },
    { title: "Started", cell: (dag) => when(dag.run?.start_date ?? dag.run?.run_after) },
    { title: "Took", number: true, cell: (dag) => duration(took(dag.run)) },
    { title: "Next run", cell: (dag) => nextRun(dag) },
    { title: `Tasks in ${days} days`, cell: (dag) => activity(dag, history) },
  ];
  return h("div", null, table("Health and runs of the DAGs", columns, dags.dags), history?.available ? stripKey() : null);
}

function lastRun(dag) {
  const [kind, text] = dag.run ? (STATES[dag.run.state] ?? ["dim", dag.run.state]) : ["dim", dag.unknown ?? (dag.pending ? "…" : "No runs yet")];
  const paused = dag.is_paused ? badge("dim", "Paused") : null;
  const broken = dag.has_import_errors ? badge("bad", "Import error") : null;
  return h("span", { class: "badges" }, badge(kind, text), broken, paused);
}

const took = (run) => (run?.start_date && run.end_date ? (new Date(run.end_date) - new Date(run.start_date)) / 1000 : null);

function nextRun(dag) {
  if (dag.is_paused) return h("span", { class: "dim" }, "when it is switched on");
  if (!dag.next_dagrun_run_after) return h("span", { class: "dim" }, dag.timetable_summary ? "on an event" : "by hand");
  return when(dag.next_dagrun_run_after);
}

function activity(dag, history) {
  if (!history) return h("span", { class: "dim" }, "…");
  if (!history.available) return h("span", { class: "dim" }, "not available");
  const line = history.series.find((one) => one.dag_id === dag.dag_id);
  const cells = history.buckets.map((bucket, at) => {
    const [tries, bad] = [line?.tries[at] ?? 0, line?.failed_tries[at] ?? 0];
    const kind = !tries ? "none" : !bad ? "ok" : bad < tries ? "warn" : "bad";
    return { kind, title: `${instant(bucket)} UTC: ${number(tries)} tries, ${number(bad)} failed` };
  });
  const count = (...kinds) => cells.filter((cell) => kinds.includes(cell.kind)).length;
  const label = `${count("ok")} stretches without a failure, ${count("warn", "bad")} with, ${count("none")} without tasks`;
  return strip(cells, label);
}

const stripKey = () => h("p", { class: "strip-key" }, [["ok", "no failure"], ["warn", "some tries failed"],
  ["bad", "all failed"], ["none", "no task"]].map(([kind, text]) => h("span", null, h("i", { class: `cell ${kind}` }), text)));

// --- records and failures over time ---------------------------------------------------------------

const FIRST = ["No task has been recorded in this stretch. Switch a DAG on or trigger one (",
  "prices_daily", " for instance): its tasks are here as soon as they end."];

const chartOf = (column, label, what, none) => ({ history }) => {
  if (!history.available) return away(history);
  if (!history.series.length) return empty(FIRST[0], link(FIRST[1], `dags/${FIRST[1]}`), FIRST[2]);
  const named = history.series.map((line, color) => ({ ...line, color })).filter((line) => sum(line[column]));
  return named.length ? overTime(history, named, column, label, what) : empty(none);
};

export const records = chartOf("records_processed", "Records processed by DAG", "records",
  "The tasks of this stretch processed no record.");

export const failed = chartOf("failed_tries", "Failed task tries by DAG", "failed tries", "No task failed in this stretch.");

export const lost = chartOf("records_failed", "Failed records by DAG", "failed records", "No record failed in this stretch.");

const bucketName = (seconds) => ({ 21600: "6 hours", 86400: "day", 259200: "3 days", 604800: "week" })[seconds];

const overTime = (history, lines, column, label, what) => timeChart({
  label, unit: `${what} per ${bucketName(history.bucket_seconds)}`, kind: "bars", named: true,
  times: history.buckets, series: lines.map((line) => ({ name: line.dag_id, values: line[column], color: line.color })),
  time: history.bucket_seconds < 86400 ? "dayMinute" : "day", show: number,
});

// --- queues and freshness -------------------------------------------------------------------------

export function queues({ queues: answer }) {
  if (!answer.available) return away(answer);
  if (!answer.queues.length) return empty("You may read no DAG that has a queue.");
  const depth = (name, kind) => (row) => {
    if (row.error) return h("span", { class: "dim", title: row.error }, "not available");
    return row[name] && kind ? badge(kind, number(row[name])) : h("span", { class: row[name] ? "" : "dim" }, number(row[name]));
  };
  const columns = [
    { title: "Queue", cell: (row) => row.title },
    { title: "Waiting", number: true, cell: depth("waiting") },
    { title: "In work", number: true, cell: depth("in_flight") },
    { title: "Dead letters", number: true, cell: depth("dead", "bad") },
  ];
  const dead = answer.queues.some((row) => row.dead);
  return h("div", null, table("Messages in queues", columns, answer.queues),
    dead ? h("p", { class: "foot" }, "Dead letters are shown and sent back by ", link("dlq_redrive", "dags/dlq_redrive"), ".") : null);
}

export function freshness({ fundamentals, loads }) {
  const rows = [], parts = [];
  for (const [name, answer] of [["ClickHouse", loads], ["PostgreSQL", fundamentals]]) {
    if (!answer) parts.push(h("p", { class: "dim" }, `${name}: loading …`));
    else if (!answer.available) parts.push(away(answer));
    else rows.push(...answer.tables.map((row) => ({ where: name, name: row.table_name ?? row.name, ...row })));
  }
  if (!rows.length && !parts.length) parts.push(empty("No table has data yet."));
  const day = (at) => (at == null ? h("span", { class: "dim" }, "empty")
    : h("time", { datetime: at, title: instant(at) }, relative(at), h("small", null, instant(at, "date"))));
  const columns = [
    { title: "Table", cell: (row) => [row.name, h("small", null, row.where)] },
    { title: "Newest data", cell: (row) => day(row.newest) },
    { title: "Last load", cell: (row) => when(row.loaded_at) },
  ];
  return h("div", null, rows.length ? table("How young the data is", columns, rows) : null, parts);
}

// --- quality and failures -------------------------------------------------------------------------

export function quality({ quality: answer }) {
  if (!answer.available) return away(answer);
  if (!answer.jobs.length) return empty("No job has measured the quality of its data in this stretch. ",
    "The jobs of ", link("fundamentals_daily", "dags/fundamentals_daily"), " do so at each run.");
  const columns = [
    { title: "Job", cell: (row) => row.job_name },
    { title: "Valid", number: true, cell: (row) => {
      const share = row.total_records ? (100 * row.valid_records) / row.total_records : null;
      return share === null ? NONE : badge(share === 100 ? "ok" : share >= 99 ? "warn" : "bad", percent(share, 2));
    } },
    { title: "Records", number: true, cell: (row) => number(row.total_records) },
    { title: "Invalid", number: true, cell: (row) => number(row.invalid_records) },
    { title: "Duplicates", number: true, cell: (row) => number(row.duplicate_records) },
    { title: "Missing fields", cell: (row) => row.missing_fields.join(", ") || h("span", { class: "dim" }, "none") },
    { title: "Data until", cell: (row) => when(row.data_freshness) },
    { title: "Measured", cell: (row) => when(row.measured_at) },
    { title: "Valid over time", cell: (row) => trend(row) },
  ];
  return table("Newest quality metrics of each job", columns, answer.jobs);
}

function trend(row) {
  const known = row.valid_percent.filter((value) => value != null);
  if (known.length < 2) return h("span", { class: "dim" }, "one measurement");
  const worst = Math.min(...known);
  return h("span", { class: "trend" }, sparkline(row.valid_percent, `at worst ${percent(worst, 2)}`, Math.min(worst, 99), 100),
    h("small", null, `worst ${percent(worst, 2)}`));
}

export function failures({ failures: answer }) {
  if (!answer.available) return away(answer);
  if (!answer.failures.length) return empty("No task failed in this stretch.");
  const place = (row) => `dags/${row.dag_id}/runs/${encodeURIComponent(row.run_id)}/tasks/${row.task_id}`
    + (row.map_index >= 0 ? `/mapped/${row.map_index}` : "");
  const columns = [
    { title: "Task", cell: (row) => [link(`${row.task_id}${row.map_index >= 0 ? ` [${row.map_index}]` : ""}`, place(row)),
      h("small", null, row.dag_id)] },
    { title: "Ended", cell: (row) => when(row.ended_at) },
    { title: "Try", number: true, cell: (row) => number(row.try_number) },
    { title: "Error", cell: (row) => h("span", { class: "error" }, row.error_message ?? NONE) },
  ];
  return table(`The newest ${answer.limit} failed tries`, columns, answer.failures);
}

// --- G1 -------------------------------------------------------------------------------------------

export function g1({ g1: answer }) {
  if (!answer.available) return away(answer);
  if (!answer.days.length) return empty("No day has been measured yet. ", link("g1_metrics", "dags/g1_metrics"),
    " measures the day before each day, or any day by hand; its tables are loaded by load_analytics.");
  const [day] = answer.days;
  const times = (rows) => rows.map((row) => row.at);
  const lines = (rows, names) => Object.entries(names).map(([column, name]) =>
    ({ name, values: rows.map((row) => row[column]) }));
  const line = (label, unit, rows, names, show) => (rows.length
    ? timeChart({ label, unit, kind: "lines", named: true, time: "minute", times: times(rows), series: lines(rows, names), show })
    : empty(`${label}: no data.`));
  const bad = answer.checks.filter((check) => check.outcome !== "ok");
  return h("div", { class: "g1" },
    h("p", { class: "lead" }, h("b", null, instant(day.ds, "date")), ` · ${number(day.total)} requests ended, ${number(day.dead)} of them dead letters · `,
      bad.length ? badge(bad.some((check) => check.outcome === "failed") ? "bad" : "warn", `${bad.length} ${bad.length === 1 ? "check" : "checks"} to look at`)
        : badge("ok", `${answer.checks.length} checks are fine`)),
    h("div", { class: "columns" },
      line("Requests", `requests a minute, mean of ${answer.step_minutes} minutes`, answer.traffic,
        { traffic_per_min: "queued", throughput_per_min: "finished" }, (value) => compact(value)),
      line("End-to-end delay", `milliseconds from queued to finished, worst minute of ${answer.step_minutes}`, answer.delay,
        { p50_ms: "p50", p95_ms: "p95", p99_ms: "p99" }, milliseconds)),
    h("div", { class: "columns" }, distribution(answer.distribution), checks(answer.checks)));
}

const distribution = (rows) => table("Results of requests", [
  { title: "Result", cell: (row) => [row.result_code, row.is_dlq ? h("small", null, "dead letter") : null].filter(Boolean) },
  { title: "Requests", number: true, cell: (row) => number(row.total_count) },
  { title: "Share", number: true, cell: (row) => percent(row.ratio_percent, 2) },
  { title: "", cell: (row) => h("meter", { class: "bar", min: 0, max: 100, value: row.ratio_percent, "aria-hidden": "true" }) },
], rows);

const checks = (rows) => table("Checks of the day", [
  { title: "Check", cell: (row) => [row.name.replaceAll("_", " "), h("small", null, row.note)] },
  { title: "Value", number: true, cell: (row) => number(row.value) },
  { title: "Outcome", cell: (row) => badge({ ok: "ok", warning: "warn", failed: "bad" }[row.outcome] ?? "dim", row.outcome) },
], rows);
