// The visible part of the time axis.

function redraw() {
  if (!frameRequest) frameRequest = requestAnimationFrame(paint);
}

function setView(a, b) {
  const span = clamp(b - a, Math.min(shortestViewS, durationS), durationS);
  const start = clamp(a, 0, durationS - span);
  viewFrom = start;
  viewTo = start + span;
  if (!isLooping) loopedView = [viewFrom, viewTo];
  redraw();
  element("span").textContent = "Showing " + spanText(span) + ".";
}

function spanText(s) {
  if (s >= 60) return clockText(s, 0);
  if (s >= 1) return s.toFixed(1) + " s";
  return (s * 1000).toFixed(s < 0.02 ? 1 : 0) + " ms";
}

function zoom(factor, at) {
  const s = at === undefined ? clamp(playheadS(), viewFrom, viewTo) : at;
  const span = (viewTo - viewFrom) * factor;
  setView(s - (s - viewFrom) * factor, s - (s - viewFrom) * factor + span);
}
