// Findings and marks: going there, and links to a moment.
const moments = data.moments;
function go(i) {
  if (!moments.length) { say("No finding has a position."); return; }
  const moment = moments[(i + moments.length) % moments.length];
  seek(moment.at_s, 4); say(moment.text);
  light(moment.rows);
}
function light(rows) {
  for (const row of root.querySelectorAll("tr.now")) row.classList.remove("now");
  for (const n of rows) root.querySelector('tr[data-row="' + n + '"]').classList.add("now");
}
function next(by_) {
  const t = now(), eps = .0015;
  const i = by_ > 0 ? moments.findIndex((m) => m.at_s > t + eps) : moments.map((m) => m.at_s < t - eps).lastIndexOf(true);
  go(i < 0 ? (by_ > 0 ? 0 : moments.length - 1) : i);
}
async function copy() {
  const at = "#t=" + now().toFixed(3), link = location.href.split("#")[0] + at;
  if (data.alone) history.replaceState(null, "", at);
  try { await navigator.clipboard.writeText(link); say("Link copied: " + link); } catch {
    const box = document.createElement("textarea"), back = document.activeElement;
    box.value = link; root.append(box); box.select();
    const done = document.execCommand("copy");
    box.remove(); if (back) back.focus();
    say((done ? "Link copied: " : "Copy this link: ") + link);
  }
}
function open() { const m = /[#&]t=(\d+(?:\.\d+)?)/.exec(location.hash); if (m) { seek(parseFloat(m[1]), 4); return true; } return false; }
window.addEventListener("hashchange", open);
let folded = [];
window.addEventListener("beforeprint", () => { folded = [...root.querySelectorAll("details.passing:not([open])")]; for (const d of folded) d.open = true; });
window.addEventListener("afterprint", () => { for (const d of folded) d.open = false; folded = []; });
root.addEventListener("click", (e) => {
  const link = e.target.closest("a[data-at]");
  if (link) { e.preventDefault(); seek(Math.max(0, parseFloat(link.dataset.at)), 4); say(link.title || ""); light("of" in link.dataset ? [link.dataset.of] : []); by("player").scrollIntoView({ block: "nearest" }); return; }
  const button = e.target.closest("button");
  if (!button) return;
  const act = { play: toggle, next: () => next(1), before: () => next(-1), copy, mute, output, wider: () => zoom(2), closer: () => zoom(.5), all: () => view(0, length),
    back: () => seek(now() - .01), on: () => seek(now() + .01) }[button.dataset.kq];
  if (act) act();
  else if (button.dataset.audio) chooseAudio(button.dataset.audio);
});
function output() {
  const button = by("output");
  if (button.hidden) { say("No unified recording was written, so it has no waveform."); return; }
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true")); size();
}
slider.addEventListener("input", () => seek(parseFloat(slider.value)));
by("gain").addEventListener("change", (e) => { gain = e.target.value; redraw(); });
