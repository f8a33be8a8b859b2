// The strip above the waveforms: the source of each second's sound, and the call audio that was left out.

const soundSources = data.sources.filter((s) => s.kind !== "left_out");
const leftOut = data.sources.filter((s) => s.kind === "left_out");
const stripHeight = soundSources.length ? 16 : 0;
const leftOutPlayer = document.createElement("audio");
leftOutPlayer.preload = "none";

function drawSourceStrip() {
  if (!stripHeight) return;
  for (const s of soundSources) {
    const a = clamp(xAt(s.from_s), -2, stageWidth + 2);
    const b = clamp(xAt(s.to_s), -2, stageWidth + 2);
    if (b <= -2 || a >= stageWidth + 2) continue;
    const w = Math.max(1, b - a);
    const colour = {
      call: colours.accent,
      recording: colours.recording,
      silence: colours.quiet,
      masked: colours.suspended,
    }[s.kind];
    ctx.fillStyle = colours.lane;
    ctx.fillRect(a, headerHeight, w, stripHeight);
    ctx.fillStyle = s.kind === "silence" ? patterns.silent : s.kind === "masked" ? patterns.suspended : colour;
    ctx.globalAlpha = s.kind === "call" || s.kind === "recording" ? 0.28 : 0.6;
    ctx.fillRect(a, headerHeight, w, stripHeight);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour;
    ctx.fillRect(a, headerHeight + stripHeight - 2, w, 2);
    ctx.fillRect(a, headerHeight, 1, stripHeight);
    const room = Math.min(b, stageWidth) - Math.max(a, 0);
    const wide = ctx.measureText(s.label).width + 8;
    if (room < wide) continue;
    ctx.fillStyle = colours.lane;
    ctx.globalAlpha = 0.85;
    ctx.fillRect(Math.max(a, 0) + 1, headerHeight + 1, wide, stripHeight - 3);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colours.ink;
    ctx.fillText(s.label, Math.max(a, 0) + 5, headerHeight + 12);
  }
  for (const s of leftOut) {
    const x = xAt(s.from_s);
    if (x < -8 || x > stageWidth + 8) continue;
    ctx.fillStyle = colours.fail;
    ctx.beginPath();
    ctx.moveTo(x - 6, headerHeight);
    ctx.lineTo(x + 6, headerHeight);
    ctx.lineTo(x, headerHeight + 10);
    ctx.fill();
  }
}

// A click on a mark of left-out audio plays it.
function leftOutAt(x, y) {
  return y < headerHeight || y > headerHeight + stripHeight
    ? -1
    : leftOut.findIndex((s) => s.audio && Math.abs(xAt(s.from_s) - x) < 8);
}

function playLeftOut(n) {
  const one = leftOut[n];
  const again = leftOutPlayer.dataset.n === String(n) && !leftOutPlayer.paused;
  leftOutPlayer.pause();
  if (again) return;
  video.pause();
  leftOutPlayer.src = one.audio;
  leftOutPlayer.dataset.n = String(n);
  leftOutPlayer.muted = isMuted;
  leftOutPlayer.playbackRate = video.playbackRate;
  seek(one.from_s);
  announce(one.label + ": you hear the call audio that isn't in the video.");
  play(leftOutPlayer, "This audio can't be played: keep the audio folder beside this page.");
}

for (const name of ["play", "pause"])
  leftOutPlayer.addEventListener(name, () => {
    for (const b of root.querySelectorAll("[data-omitted]"))
      b.setAttribute("aria-pressed", String(!leftOutPlayer.paused && b.dataset.omitted === leftOutPlayer.dataset.n));
  });
// The event can come after a click on left-out audio has paused the video again.
video.addEventListener("play", () => {
  if (!video.paused) leftOutPlayer.pause();
});
