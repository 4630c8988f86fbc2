// Elements from a name, attributes and children. Text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const h = (name, attributes, ...children) => filled(document.createElement(name), attributes, children);

export const s = (name, attributes, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

// columns: [{title, number: true, cell: (row) => text or element}]
export function table(caption, columns, rows) {
  const head = columns.map((column) => h("th", { scope: "col", class: column.number && "n" }, column.title));
  const body = rows.map((row) =>
    h("tr", null, columns.map((column, place) =>
      h(place ? "td" : "th", { scope: place ? null : "row", class: column.number && "n" }, column.cell(row)))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", { class: "hidden" }, caption), h("thead", null, h("tr", null, head)),
      h("tbody", null, body)));
}

// a table that is only made when somebody opens it
export function behind(make) {
  const box = h("details", { class: "behind" }, h("summary", null, "Show as a table"));
  box.addEventListener("toggle", () => {
    if (box.open && box.children.length === 1) box.append(make());
  });
  return box;
}

export const badge = (kind, text) => h("span", { class: `badge ${kind}` }, text);
