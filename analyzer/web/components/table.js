// Draws a table from data; sorting and opening are handed to Python, moving between rows stays here.
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

function content(cell) {
  if (typeof cell === "string") return [cell];
  const pieces = cell.p.flatMap(([plain, found]) => (found ? [plain, element("mark", {}, found)] : [plain]));
  if (!cell.m && !cell.t) return pieces;
  const badge = element("span", { className: `badge ${cell.t ?? ""}` });
  if (cell.m) badge.append(element("span", { className: "mark", ariaHidden: "true" }, cell.m));
  badge.append(...pieces);
  return [badge];
}

// A second, lighter line; beside a link, not in it, so that the link's name stays short.
const detail = (cell) => (cell.d ? [element("span", { className: "quiet detail" }, cell.d)] : []);

function heading(column, sort, ask) {
  const cell = element("th", { scope: "col" });
  cell.style.width = `${column.width}em`;
  if (!column.sort) {
    cell.append(column.label);
    return cell;
  }
  const order = sort === column.sort ? "ascending" : sort === `-${column.sort}` ? "descending" : "none";
  cell.setAttribute("aria-sort", order);
  const next = { none: column.sort, ascending: `-${column.sort}`, descending: "" }[order];
  const button = element("button", { type: "button", className: "sort", onclick: () => ask(next) }, column.label);
  cell.append(button);
  return cell;
}

function line(row, selected) {
  const drawn = element("tr", {});
  drawn.dataset.id = row.id;
  if (row.id === selected) drawn.setAttribute("aria-current", "true");
  row.cells.forEach((cell, index) => {
    if (index > 0) {
      drawn.append(element("td", {}, ...content(cell), ...detail(cell)));
    } else if (row.href) {
      const link = element("a", { href: row.href, tabIndex: -1 }, ...content(cell));
      drawn.append(element("th", { scope: "row" }, link, ...detail(cell)));
    } else {
      drawn.append(element("th", { scope: "row" }, ...content(cell), ...detail(cell)));
    }
  });
  return drawn;
}

// Enough for any screen at once; the rest follows when those are drawn, so that a filter shows its effect early.
const AT_ONCE = 60;

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".table-root");
  const said = JSON.stringify(data);
  if (root.said === said) return;
  root.said = said;
  const place = root.querySelector(".scroll")?.scrollTop ?? 0;
  const ids = data.rows.map((row) => row.id).join();
  const sameRows = root.ids === ids;
  root.ids = ids;

  const ask = (order) => setTriggerValue("sort", order);
  const head = element("thead", {}, element("tr", {}, ...data.columns.map((column) => heading(column, data.sort, ask))));
  const lines = data.rows.map((row) => line(row, data.selected));
  const body = element("tbody", {}, ...lines.slice(0, AT_ONCE));
  const caption = element("caption", { className: "unseen" }, data.caption);
  const table = element("table", { className: "grid" }, caption, head, body);
  table.style.minWidth = `${data.columns.reduce((sum, column) => sum + column.width, 0)}em`;
  table.setAttribute("aria-rowcount", data.rows.length + 1);
  const scroll = element("div", { className: "scroll" }, table);
  scroll.style.maxHeight = data.height;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", data.caption);
  root.replaceChildren(scroll);
  const complete = () => body.append(...lines.slice(AT_ONCE));
  if (sameRows && place) {
    complete();
    scroll.scrollTop = place;
  } else if (lines.length > AT_ONCE) {
    requestAnimationFrame(() => setTimeout(complete));
  }

  const links = lines.map((drawn) => drawn.querySelector("a")).filter(Boolean);
  const reach = (link) => {
    links.forEach((other) => (other.tabIndex = -1));
    if (link) link.tabIndex = 0;
  };
  reach(links.find((link) => link.closest("tr[aria-current]")) ?? links[0]);

  body.onclick = (event) => {
    const link = event.target.closest("tr")?.querySelector("a");
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
    if (!link || elsewhere || String(getSelection())) return;
    event.preventDefault();
    setTriggerValue("go", link.getAttribute("href"));
  };
  body.onkeydown = (event) => {
    const from = links.indexOf(event.target);
    if (from < 0) return;
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined || !links[to]) return;
    event.preventDefault();
    reach(links[to]);
    links[to].focus();
  };
}
