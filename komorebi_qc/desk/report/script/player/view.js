// The visible part of the time axis.
function redraw() { if (!frame) frame = requestAnimationFrame(paint); }
function view(a, b) {
  const span = clamp(b - a, Math.min(least, length), length);
  const start = clamp(a, 0, length - span);
  from = start; to = start + span; if (!isLooping) loopView = [from, to]; redraw();
  by("span").textContent = "Showing " + (span >= 60 ? clock(span, 0) : span >= 1 ? span.toFixed(1) + " s" : (span * 1000).toFixed(span < .02 ? 1 : 0) + " ms") + ".";
}
function zoom(by_, at) { const s = at === undefined ? clamp(now(), from, to) : at, span = (to - from) * by_; view(s - (s - from) * by_, s - (s - from) * by_ + span); }
