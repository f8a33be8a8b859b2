// The strip above the waveforms: the source of each second's sound, and the call audio that was left out.
const sources = data.sources.filter((s) => s.kind !== "left_out"), leftOut = data.sources.filter((s) => s.kind === "left_out");
const stripHigh = sources.length ? 16 : 0, omitted = document.createElement("audio");
omitted.preload = "none";
function strip() {
  if (!stripHigh) return;
  for (const s of sources) {
    const a = clamp(xOf(s.from_s), -2, width + 2), b = clamp(xOf(s.to_s), -2, width + 2);
    if (b <= -2 || a >= width + 2) continue;
    const w = Math.max(1, b - a), colour = { call: colours.accent, recording: colours.recording, silence: colours.quiet, masked: colours.suspended }[s.kind];
    pen.fillStyle = colours.lane; pen.fillRect(a, top, w, stripHigh);
    pen.fillStyle = s.kind === "silence" ? fills.silent : s.kind === "masked" ? fills.suspended : colour;
    pen.globalAlpha = s.kind === "call" || s.kind === "recording" ? .28 : .6; pen.fillRect(a, top, w, stripHigh); pen.globalAlpha = 1;
    pen.fillStyle = colour; pen.fillRect(a, top + stripHigh - 2, w, 2); pen.fillRect(a, top, 1, stripHigh);
    const room = Math.min(b, width) - Math.max(a, 0), wide = pen.measureText(s.label).width + 8;
    if (room < wide) continue;
    pen.fillStyle = colours.lane; pen.globalAlpha = .85; pen.fillRect(Math.max(a, 0) + 1, top + 1, wide, stripHigh - 3); pen.globalAlpha = 1;
    pen.fillStyle = colours.ink; pen.fillText(s.label, Math.max(a, 0) + 5, top + 12);
  }
  for (const s of leftOut) {
    const x = xOf(s.from_s);
    if (x < -8 || x > width + 8) continue;
    pen.fillStyle = colours.fail; pen.beginPath(); pen.moveTo(x - 6, top); pen.lineTo(x + 6, top); pen.lineTo(x, top + 10); pen.fill();
  }
}
function leftOutAt(x, y) {  // a click on a mark of left-out audio plays it
  return y < top || y > top + stripHigh ? -1 : leftOut.findIndex((s) => s.audio && Math.abs(xOf(s.from_s) - x) < 8);
}
function playLeftOut(n) {
  const one = leftOut[n], again = omitted.dataset.n === String(n) && !omitted.paused;
  omitted.pause();
  if (again) return;
  video.pause(); omitted.src = one.audio; omitted.dataset.n = String(n); omitted.muted = muted; omitted.playbackRate = video.playbackRate;
  seek(one.from_s); say(one.label + ": you hear the call audio that isn't in the video.");
  omitted.play().catch(() => say("This audio can't be played: keep the audio folder beside this page."));
}
for (const name of ["play", "pause"]) omitted.addEventListener(name, () => { for (const b of root.querySelectorAll("[data-omitted]")) b.setAttribute("aria-pressed", String(!omitted.paused && b.dataset.omitted === omitted.dataset.n)); });
video.addEventListener("play", () => omitted.pause());
