// Keys, wheel and drag.
const keys = { " ": toggle, k: toggle, ArrowLeft: () => seek(now() - (to - from) / 20), ArrowRight: () => seek(now() + (to - from) / 20), ",": () => seek(now() - .01), ".": () => seek(now() + .01),
  n: () => next(1), p: () => next(-1), "+": () => zoom(.5), "=": () => zoom(.5), "-": () => zoom(2), 0: () => view(0, length), Home: () => seek(0), End: () => seek(length), c: copy,
  m: mute, o: output, "/": openSearch, t: captions, "<": () => changeSpeed(-1), ">": () => changeSpeed(1), i: spanBegins, e: spanEnds, l: loop, x: compareSources, g: spectrogram, w: writeNote,
  "?": () => { const help = root.querySelector("details.help"); help.open = true; help.querySelector("summary").focus(); }, "[": () => nudge(-.001), "]": () => nudge(.001), "{": () => nudge(-.01), "}": () => nudge(.01), "(": () => nudge(-.1), ")": () => nudge(.1) };
Object.keys(data.audio).forEach((name, i) => { keys[String(i + 1)] = () => chooseAudio(name); });
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
  const on = e.target, inside = root.contains(on), typing = /^(INPUT|SELECT|TEXTAREA)$/.test(on.tagName) || on.isContentEditable;
  if (!inside && !(data.alone && on === document.body)) return;
  if (typing && on !== slider) return;
  if (on === slider && /^(Arrow|Home|End)/.test(e.key)) return;
  if (e.key === " " && /^(BUTTON|SUMMARY|VIDEO|AUDIO)$/.test(on.tagName)) return;
  const act = keys[e.key];
  if (act) { e.preventDefault(); act(); }
});
stage.addEventListener("wheel", (e) => {
  if (!e.ctrlKey && !e.shiftKey && Math.abs(e.deltaY) > Math.abs(e.deltaX) && document.activeElement !== stage) return;
  e.preventDefault();
  const at = sOf(e.clientX - canvas.getBoundingClientRect().left);
  if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) { const d = (e.deltaX || e.deltaY) / width * (to - from); view(from + d, to + d); } else zoom(Math.exp(clamp(e.deltaY, -300, 300) / 300), at);
}, { passive: false });
const fingers = new Map();
let grab = null;
stage.addEventListener("pointerdown", (e) => { stage.setPointerCapture(e.pointerId); fingers.set(e.pointerId, e.clientX); grab = { x: e.clientX, from, to, moved: false, two: null, call: dragged(e.clientX, e.clientY - canvas.getBoundingClientRect().top) ? structuredClone(tried) : null };
  if (fingers.size === 2) { const [a, b] = [...fingers.values()]; grab.two = Math.abs(a - b); } });
stage.addEventListener("pointermove", (e) => {
  if (!fingers.has(e.pointerId) || !grab) return;
  fingers.set(e.pointerId, e.clientX);
  if (fingers.size === 2 && grab.two) { const [a, b] = [...fingers.values()], f = grab.two / Math.max(8, Math.abs(a - b)), mid = sOf((a + b) / 2 - canvas.getBoundingClientRect().left); const span = (grab.to - grab.from) * f; view(mid - span / 2, mid + span / 2); grab.moved = true; return; }
  const d = (grab.x - e.clientX) / width * (grab.to - grab.from);
  if (Math.abs(e.clientX - grab.x) > 3) grab.moved = true;
  if (grab.moved && grab.call) dragCall(grab.call, -d); else if (grab.moved) view(grab.from + d, grab.to + d);
});
const release = (e) => { if (grab && grab.call && grab.moved) hearTrial(); if (grab && !grab.moved && e.type === "pointerup" && fingers.size === 1) { const box = canvas.getBoundingClientRect(), n = leftOutAt(e.clientX - box.left, e.clientY - box.top); if (n >= 0) playLeftOut(n); else seek(sOf(e.clientX - box.left)); } fingers.delete(e.pointerId); if (!fingers.size) grab = null; };
stage.addEventListener("pointerup", release); stage.addEventListener("pointercancel", release);

// If the player is scrolled away, a short form of it stays at the lower edge. A busy page delivers several observations at once; the last is true.
new IntersectionObserver((seen) => { by("dock").hidden = seen.at(-1).isIntersecting || !root.classList.contains("live"); }).observe(stage);
