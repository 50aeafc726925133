// Shows a fragment of HTML; links inside the app are handed to Python instead of loading the page anew.
export default function ({ data, parentElement, setTriggerValue }) {
  const panel = parentElement.querySelector(".panel");
  if (panel.shown !== data.html) {
    const before = panel.querySelector("[data-view]")?.dataset.view;
    panel.innerHTML = data.html;
    panel.shown = data.html;
    const after = panel.querySelector("[data-view]")?.dataset.view;
    // Another view of the same page begins at its beginning.
    if (before !== undefined && before !== after) panel.scrollIntoView({ block: "start" });
  }
  panel.onclick = (event) => {
    const link = event.target.closest("a[href]");
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
    if (!link || elsewhere) return;
    const href = link.getAttribute("href");
    if (href.startsWith("#")) {
      event.preventDefault();
      const target = panel.querySelector(`[id="${CSS.escape(href.slice(1))}"]`);
      if (target) {
        target.scrollIntoView({ block: "start" });
        target.focus({ preventScroll: true });
      }
    } else if (!/^[a-z][a-z0-9+.-]*:/i.test(href)) {
      event.preventDefault();
      setTriggerValue("go", href);
    }
  };
}
