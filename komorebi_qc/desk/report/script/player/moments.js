// Findings and marks: going there, and links to a moment.
const moments = data.moments;
function go(i) {
  if (!moments.length) { say("No finding has a position."); return; }
  const moment = moments[(i + moments.length) % moments.length];
  seek(moment.at_s, nearby()); say(moment.text);
  light(moment.rows); keepPlace();
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
// --- one link, one place: #t= is the moment, zoom= the visible seconds, source= the audio
function place() { return "#t=" + now().toFixed(3) + "&zoom=" + Number((to - from).toPrecision(4)) + "&source=" + mode; }
function keepPlace() { if (data.alone) history.replaceState(null, "", place()); }
async function copy() {
  const link = location.href.split("#")[0] + place();
  keepPlace();
  try { await navigator.clipboard.writeText(link); say("Link copied: " + link); } catch {
    const box = document.createElement("textarea"), back = document.activeElement;
    box.value = link; root.append(box); box.select();
    const done = document.execCommand("copy");
    box.remove(); if (back) back.focus();
    say((done ? "Link copied: " : "Copy this link: ") + link);
  }
}
function open() {
  const given = new URLSearchParams(location.hash.slice(1)), at = parseFloat(given.get("t")), span = parseFloat(given.get("zoom"));
  if (!(at >= 0)) return false;
  if (given.get("source")) chooseAudio(given.get("source"));
  if (span > 0) { view(at - span / 2, at + span / 2); seek(at); } else seek(at, 4);
  return true;
}
window.addEventListener("hashchange", open);
const nearby = () => to - from > length * .999 ? 4 : undefined;  // a zoom by hand is kept
function follows(link) {
  seek(Math.max(0, parseFloat(link.dataset.at)), nearby()); say(link.title || ""); light("of" in link.dataset ? [link.dataset.of] : []); keepPlace();
}
for (const link of root.querySelectorAll("a[data-at]")) if (data.alone) link.href = "#t=" + Math.max(0, parseFloat(link.dataset.at)).toFixed(3);
let folded = [];
window.addEventListener("beforeprint", () => { folded = [...root.querySelectorAll("details.passing:not([open])")]; for (const d of folded) d.open = true; });
window.addEventListener("afterprint", () => { for (const d of folded) d.open = false; folded = []; });
root.addEventListener("click", (e) => {
  const link = e.target.closest("a[data-at]");
  if (link) { if (e.ctrlKey || e.metaKey || e.shiftKey) return; e.preventDefault(); follows(link); return; }
  const button = e.target.closest("button");
  if (!button) return;
  const act = { play: toggle, next: () => next(1), before: () => next(-1), copy, mute, output, wider: () => zoom(2), closer: () => zoom(.5), all: () => view(0, length),
    captions, loop, equal, ab: compareSources, spectrogram, "span-from": spanBegins, "span-to": spanEnds, "span-none": spanCleared, "add-note": addNote, "save-notes": saveNotes, "dock-play": toggle, "dock-show": () => { by("play").scrollIntoView({ block: "center" }); by("play").focus({ preventScroll: true }); }, back: () => seek(now() - .01), on: () => seek(now() + .01) }[button.dataset.kq];
  if (act) act();
  else if (button.dataset.audio) chooseAudio(button.dataset.audio);
  else if (button.dataset.omitted) playLeftOut(Number(button.dataset.omitted));
});
function output() {
  const button = by("output");
  if (button.hidden) { say("No unified recording was written, so it has no waveform."); return; }
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true")); size();
}
slider.addEventListener("input", () => seek(parseFloat(slider.value)));
by("gain").addEventListener("change", (e) => { gain = e.target.value; redraw(); });
