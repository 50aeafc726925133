// Check boxes in foldable groups; a tick is handed to Python, which sends the counts that follow from it.
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

function choice(group, entry, choose) {
  const box = element("input", { type: "checkbox", checked: entry.chosen });
  box.dataset.at = `${group.id} ${entry.id}`;
  box.onchange = () => choose({ group: group.id, value: entry.id, chosen: box.checked });
  const count = element("span", { className: "count" }, String(entry.count));
  count.setAttribute("aria-label", `${entry.count} 件`);
  const label = element("label", { className: entry.count ? "" : "empty" }, box, element("span", {}, entry.label), count);
  return element("li", {}, label);
}

function section(group, open, choose) {
  const chosen = group.choices.filter((entry) => entry.chosen).length;
  const summary = element("summary", {}, group.label);
  if (chosen) summary.append(element("span", { className: "tag" }, `${chosen} 件選択中`));
  const list = element("ul", {}, ...group.choices.map((entry) => choice(group, entry, choose)));
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", group.label);
  const folded = element("details", { open }, summary, list);
  folded.dataset.id = group.id;
  return folded;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".facets");
  const said = JSON.stringify(data);
  if (root.said === said) return;
  root.said = said;
  const held = root.getRootNode().activeElement?.dataset?.at;
  const folds = new Map([...root.querySelectorAll("details")].map((each) => [each.dataset.id, each.open]));
  const scrolls = new Map([...root.querySelectorAll("details")].map((each) => [each.dataset.id, each.lastChild.scrollTop]));
  const choose = (event) => setTriggerValue("choose", event);
  root.replaceChildren(...data.groups.map((group) => section(group, folds.get(group.id) ?? group.open, choose)));
  root.querySelectorAll("details").forEach((each) => (each.lastChild.scrollTop = scrolls.get(each.dataset.id) ?? 0));
  if (held) [...root.querySelectorAll("input")].find((box) => box.dataset.at === held)?.focus();
}
