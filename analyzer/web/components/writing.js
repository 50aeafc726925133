// A text to be sent by a button elsewhere: told while it is typed, kept by the tab until it has been sent.
const WAIT = 400;
const plain = (text) => text.replace(/\r\n?/g, "\n").replace(/\t/g, " ").trim();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".draft");
  const at = `sansho writing ${data.place}`;
  if (!root.area) {
    const label = document.createElement("label");
    root.caption = document.createElement("span");
    root.area = document.createElement("textarea");
    label.append(root.caption, root.area);
    root.replaceChildren(label);
  }
  const { area } = root;
  const kept = () => JSON.parse(sessionStorage.getItem(at) ?? "null");
  const keep = () => {
    if (area.value) sessionStorage.setItem(at, JSON.stringify({ text: area.value, after: data.last.id }));
    else sessionStorage.removeItem(at);
  };
  const send = () => {
    clearTimeout(root.timer);
    if (root.told === area.value) return;
    root.told = area.value;
    setStateValue("text", { place: data.place, text: area.value });
  };
  root.caption.textContent = data.label;
  area.rows = data.rows;
  area.maxLength = data.limit;
  if (root.place !== data.place) {
    root.place = data.place;
    // What Python has of it, which may be what was sent from the field that stood here before this one.
    root.told = data.told;
    area.value = kept()?.text ?? "";
  }
  const unsent = kept();
  if (unsent && unsent.after !== data.last.id && plain(unsent.text) === data.last.text) {
    sessionStorage.removeItem(at);
    if (plain(area.value) === data.last.text) area.value = "";
  }
  if (root.getRootNode().activeElement !== area) send();
  area.oninput = () => {
    keep();
    clearTimeout(root.timer);
    root.timer = setTimeout(send, WAIT);
  };
  area.onblur = send;
  return () => clearTimeout(root.timer);
}
