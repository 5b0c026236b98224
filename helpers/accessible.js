// Names for the screen reader, where ipywidgets gives a control none: see accessible.py.
const ICONS = { "fa-play": "play", "fa-pause": "pause", "fa-stop": "stop" };

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element && value && element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}

function nameSlider(control, name) {
  const handle = control.querySelector(".noUi-handle");
  const number = control.querySelector(".widget-readout");
  const beside = number.style.display === "none" && control.parentElement.querySelector(":scope > div.widget-label");
  set(handle, { "aria-label": name, "aria-valuetext": (beside || number).textContent });
  set(number, { role: "textbox", "aria-label": `${name}, written` });
}

function nameGroup(control, name) {
  set(control, { role: control.matches(".widget-radio") ? "radiogroup" : "group", "aria-label": name });
  for (const button of control.querySelectorAll(".widget-toggle-button")) {
    set(button, { "aria-pressed": String(button.classList.contains("mod-active")) });
  }
}

function nameAll(box) {
  for (const label of box.querySelectorAll("label.widget-label")) {
    const control = label.parentElement;
    const name = label.textContent.trim() || (label.title === "null" ? "" : label.title);
    if (control.matches(".widget-slider")) nameSlider(control, name);
    if (control.matches(".widget-radio, .widget-toggle-buttons")) nameGroup(control, name);
  }
  for (const icon of box.querySelectorAll(".widget-play i")) {
    const known = Object.keys(ICONS).find((part) => icon.classList.contains(part));
    set(icon.parentElement, { "aria-label": ICONS[known] });
  }
  for (const line of box.querySelectorAll(".announced")) set(line, { role: "status" });
  for (const figure of box.querySelectorAll(".js-plotly-plot")) {
    set(figure, { role: "figure", "aria-label": figure.querySelector(".gtitle, .annotation-text")?.textContent });
  }
}

async function render({ el, signal }) {
  while (!el.parentElement && !signal?.aborted) await new Promise(requestAnimationFrame);
  const box = el.parentElement;
  if (!box) return;
  let waiting;
  const later = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => nameAll(box));
  };
  const observer = new MutationObserver(later);
  const what = { subtree: true, childList: true, characterData: true, attributeFilter: ["class", "aria-valuetext"] };
  observer.observe(box, what);
  later();
  return () => {
    cancelAnimationFrame(waiting);
    observer.disconnect();
  };
}

export default { render };
