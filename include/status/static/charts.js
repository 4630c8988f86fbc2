// Charts as SVG, drawn as wide as their place is: texts keep their size. Colours are classes of dashboard.css.

import { behind, h, s, table } from "./dom.js";
import { compact, instant, NONE } from "./format.js";

const COLORS = 12, HEIGHT = 210, LEFT = 48, RIGHT = 10, TOP = 10, BOTTOM = 24;

// chart: {label, unit, times, series: [{name, values, color}], kind: "bars" | "lines", time, show}
// `color` is a number, so that a name has the same one in each chart; without it the place is taken.
// `time` names a format of an instant, `show` formats a value in the tooltip and the table.
export function timeChart(chart) {
  const series = chart.series.map((line, place) => ({ ...line, color: (line.color ?? place) % COLORS }));
  const full = { show: compact, ...chart, series };
  const figure = h("figure", { class: "chart" });
  const canvas = h("div", { class: "canvas" });
  const parts = [h("figcaption", { class: "unit" }, full.unit), canvas, legend(full), behind(() => asTable(full))];
  figure.append(...parts.filter(Boolean));
  let width = 0;
  new ResizeObserver(([entry]) => {
    const wanted = Math.floor(entry.contentRect.width);
    if (wanted && wanted !== width) canvas.replaceChildren(...drawn(full, (width = wanted)));
  }).observe(canvas);
  return figure;
}

function drawn(chart, width) {
  const count = chart.times.length;
  const inner = { left: LEFT, width: width - LEFT - RIGHT, bottom: HEIGHT - BOTTOM, height: HEIGHT - TOP - BOTTOM };
  const step = inner.width / Math.max(count - (chart.kind === "lines" ? 1 : 0), 1);
  const sums = chart.times.map((_, at) => sumAt(chart, at));
  const peaks = chart.kind === "bars" ? sums : chart.series.flatMap((line) => line.values.map((v) => v ?? 0));
  const ticks = niceTicks(Math.max(...peaks, 1));
  const y = (value) => inner.bottom - (value / ticks.at(-1)) * inner.height;
  const x = (at) => inner.left + at * step;
  const middle = (at) => (chart.kind === "bars" ? x(at) + step / 2 : x(at));
  const svg = s("svg", {
    width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", tabindex: "0",
    "aria-label": `${chart.label}: ${summary(chart)} Arrow keys move through it; a table follows.`,
  });
  svg.append(grid(ticks, y, width), timeAxis(chart, middle, width));
  svg.append(...(chart.kind === "bars" ? bars(chart, x, y, step) : chart.series.map((line) => path(line, x, y))));
  return [svg, ...pointer(svg, chart, { count, step, middle, inner, width })];
}

const sumAt = (chart, at) => chart.series.reduce((sum, line) => sum + (line.values[at] ?? 0), 0);

function grid(ticks, y, width) {
  return s("g", { class: "grid" }, ticks.map((tick) => [
    s("line", { x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
    s("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, compact(tick)),
  ]).flat());
}

function timeAxis(chart, middle, width) {
  const every = Math.max(1, Math.ceil((chart.times.length * 84) / (width - LEFT)));
  const group = s("g", { class: "axis" });
  for (let at = 0; at < chart.times.length; at += every) {
    const place = middle(at);
    if (place < LEFT + 18 && at) continue;
    const anchor = place > width - 40 ? "end" : place < LEFT + 18 ? "start" : "middle";
    group.append(s("text", { x: place, y: HEIGHT - 6, "text-anchor": anchor }, instant(chart.times[at], chart.time)));
  }
  return group;
}

function bars(chart, x, y, step) {
  const gap = Math.min(4, step * 0.2);
  return chart.times.map((_, at) => {
    let below = 0;
    return chart.series.map((line) => {
      const value = line.values[at] ?? 0;
      if (!value) return null;
      const bottom = y(below), top = y((below += value));
      return s("rect", {
        class: `fill c${line.color}`, x: x(at) + gap / 2, width: Math.max(step - gap, 1), y: top,
        height: Math.max(bottom - top, 1),
      });
    });
  }).flat().filter(Boolean);
}

function path(line, x, y) {
  let steps = "", joined = false;
  line.values.forEach((value, at) => {
    if (value == null) return void (joined = false);
    const lone = !joined && line.values[at + 1] == null;
    steps += `${joined ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}${lone ? "h0.1" : ""}`;
    joined = true;
  });
  return s("path", { class: `stroke c${line.color}`, d: steps });
}

// what the mouse or the arrow keys are at: a line and a box with the values
function pointer(svg, chart, { count, step, middle, inner, width }) {
  const mark = s("line", { class: "mark", y1: TOP, y2: inner.bottom, visibility: "hidden" });
  const box = h("div", { class: "tip", role: "status", hidden: "" });
  let at = -1;
  const show = (wanted) => {
    at = Math.min(Math.max(wanted, 0), count - 1);
    for (const side of ["x1", "x2"]) mark.setAttribute(side, middle(at));
    mark.setAttribute("visibility", "visible");
    box.replaceChildren(...tip(chart, at));
    box.hidden = false;
    const right = middle(at) > width / 2;
    box.style.left = right ? "auto" : `${middle(at) + 12}px`;
    box.style.right = right ? `${width - middle(at) + 12}px` : "auto";
  };
  const hide = () => {
    box.hidden = true;
    mark.setAttribute("visibility", "hidden");
  };
  svg.append(mark);
  svg.addEventListener("pointermove", (event) =>
    show(Math.round((event.offsetX - middle(0)) / step)));
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at < 0 ? count - 1 : at - 1, ArrowRight: at + 1, Home: 0, End: count - 1 };
    if (event.key === "Escape") hide();
    if (!(event.key in moves)) return;
    event.preventDefault();
    show(moves[event.key]);
  });
  return [box];
}

function tip(chart, at) {
  const rows = chart.series.map((line) => ({ name: line.name, value: line.values[at], color: line.color }))
    .filter((row) => (chart.kind === "bars" ? row.value : row.value != null));
  if (chart.kind === "bars") rows.sort((a, b) => b.value - a.value);
  const lines = rows.map((row) =>
    h("li", null, key(row.color), h("span", null, row.name), h("b", null, chart.show(row.value))));
  return [h("strong", null, `${instant(chart.times[at], "full")} UTC`),
    lines.length ? h("ul", null, lines) : h("p", null, "nothing")];
}

const key = (color) => s("svg", { class: "key", viewBox: "0 0 10 10", "aria-hidden": "true" },
  s("rect", { class: `fill c${color}`, width: 10, height: 10, rx: 2 }));

function legend(chart) {
  if (chart.series.length < 2 && !chart.named) return null;
  return h("ul", { class: "legend" }, chart.series.map((line) => h("li", null, key(line.color), line.name)));
}

function summary(chart) {
  return chart.series.map((line) => {
    const values = line.values.filter((value) => value != null);
    const told = chart.kind === "bars" ? values.reduce((a, b) => a + b, 0) : Math.max(...values, 0);
    return `${line.name} ${chart.kind === "bars" ? "in all" : "at most"} ${chart.show(told)};`;
  }).join(" ");
}

function asTable(chart) {
  const columns = [{ title: "From (UTC)", cell: (at) => instant(chart.times[at]) }, ...chart.series.map((line) => ({
    title: line.name, number: true, cell: (at) => (line.values[at] == null ? NONE : chart.show(line.values[at])),
  }))];
  return table(chart.label, columns, chart.times.map((_, at) => chart.times.length - 1 - at));
}

export function niceTicks(top) {
  const rough = top / 4, power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const size = Math.max(nice, 1);
  return Array.from({ length: Math.ceil(top / size) + 1 }, (_, at) => at * size);
}

// one cell a bucket: what happened then, in one row of a table; its height says the same as its colour
const TALL = { none: 4, ok: 12, warn: 18, bad: 18 };

export function strip(cells, label) {
  const shapes = cells.map((cell, at) =>
    s("rect", { class: `cell ${cell.kind}`, x: at * 10, y: 18 - TALL[cell.kind], width: 8, height: TALL[cell.kind], rx: 2 },
      s("title", null, cell.title)));
  return s("svg", {
    class: "strip", viewBox: `0 0 ${cells.length * 10 - 2} 18`, preserveAspectRatio: "none", role: "img",
    "aria-label": label,
  }, shapes);
}

export function sparkline(values, label, low, high) {
  const known = values.filter((value) => value != null);
  const bottom = low ?? Math.min(...known), top = high ?? Math.max(...known);
  const y = (value) => 20 - (18 * (value - bottom)) / Math.max(top - bottom, 1e-9);
  const step = 120 / Math.max(values.length - 1, 1);
  return s("svg", { class: "spark", viewBox: "0 0 120 22", role: "img", "aria-label": label },
    path({ values, color: 0 }, (at) => at * step, y));
}
