// A text that cannot be lost: what is typed is kept in the browser until Python says that it has been saved.
const WAIT = 500;

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".draft");
  if (!root.area) {
    const label = document.createElement("label");
    root.caption = document.createElement("span");
    root.area = document.createElement("textarea");
    label.append(root.caption, root.area);
    root.state = document.createElement("p");
    root.state.setAttribute("role", "status");
    root.state.className = "quiet";
    root.replaceChildren(label, root.state);
  }
  const { area } = root;
  const keep = (text) => localStorage.setItem(data.place, JSON.stringify({ text, version: data.version }));
  const kept = () => JSON.parse(localStorage.getItem(data.place) ?? "null");
  const send = () => {
    clearTimeout(root.timer);
    setStateValue("text", { place: data.place, text: area.value });
  };
  root.caption.textContent = data.label;
  area.rows = data.rows;
  area.maxLength = data.limit;

  if (root.place !== data.place) {
    root.place = data.place;
    area.value = data.text;
    const unsaved = kept();
    if (unsaved && unsaved.text !== data.text) {
      area.value = unsaved.text;
      root.state.textContent = "この端末に残っていた書きかけを戻しました。";
      send();
    }
  } else if (root.getRootNode().activeElement !== area && !kept()) {
    area.value = data.text;
  }
  if (kept() && kept().text === data.text) {
    localStorage.removeItem(data.place);
    if (area.value === data.text) root.state.textContent = data.saved;
  }
  area.oninput = () => {
    keep(area.value);
    root.state.textContent = "保存しています…";
    clearTimeout(root.timer);
    root.timer = setTimeout(send, WAIT);
  };
  area.onblur = () => {
    if (kept()) send();
  };
  return () => {
    if (kept()) send();
  };
}
