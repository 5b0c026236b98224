// Explorables without a kernel: controls move through drawings that were made when the page was built.
document.addEventListener("DOMContentLoaded", () => {
  for (const [id, frames] of Object.entries(window.explorables ?? {})) show(document.getElementById(id), frames);
  // What moves sideways does so by keyboard, too.
  for (const wide of document.querySelectorAll("pre, .output, .sideways, .table-wrapper")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  }
});

function show(place, frames) {
  if (!place) return;
  const at = frames.controls.map((control) => control.at);
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  const frame = document.createElement("div");
  const picture = document.createElement("div");
  frame.className = "sideways";
  picture.className = "picture";
  frame.append(picture);
  const still = place.querySelector("img");

  const draw = () => {
    const number = frames.controls.reduce((n, control, c) => n * control.labels.length + at[c], 0);
    const [layout, traces, said] = frames.drawings[number];
    status.textContent = frames.said[said];
    if (layout === null) return Plotly.purge(picture);
    const { width, ...rest } = frames.layouts[layout];
    Plotly.react(picture, traces.map((trace) => frames.traces[trace]), { height: 400, ...rest, autosize: true }, {
      responsive: true,
      displayModeBar: false,
    });
  };

  frames.controls.forEach((control, c) => {
    if (control.labels.length < 2) return;
    const label = document.createElement("label");
    label.append(control.name + " ");
    const input = document.createElement(control.slider ? "input" : "select");
    const value = document.createElement("output");
    if (control.slider) {
      Object.assign(input, { type: "range", min: 0, max: control.labels.length - 1, step: 1 });
    } else {
      control.labels.forEach((text, n) => input.add(new Option(text, n)));
    }
    input.value = at[c];
    const tell = () => {
      value.textContent = control.slider ? control.labels[at[c]] : "";
      if (control.slider) input.setAttribute("aria-valuetext", control.labels[at[c]]);
    };
    input.addEventListener("input", () => {
      at[c] = Number(input.value);
      tell();
      draw();
    });
    tell();
    label.append(input, value);
    place.append(label);
  });
  place.append(status, frame);
  if (still) {
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", still.alt);
    still.remove();
  }
  draw();
}
