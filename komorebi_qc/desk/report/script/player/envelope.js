// The waveform envelope: packed extremes, inflated once, then coarser levels, four bins into one.
async function unpacked(text) {
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Int8Array(await new Response(stream).arrayBuffer());
}
const opened = (q) => q * Math.abs(q) / 16129;  // square-root companding: quiet speech keeps its shape
function pyramid(bytes, bins, at) {
  const low = new Float32Array(bins), high = new Float32Array(bins);
  for (let i = 0; i < bins; i++) { low[i] = opened(bytes[at + i]); high[i] = opened(bytes[at + bins + i]); }
  const levels = [{ low, high, per: 1 }];
  for (let last = levels[0]; last.low.length > 4; last = levels[levels.length - 1]) {
    const n = Math.ceil(last.low.length / 4), l = new Float32Array(n), h = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      let a = 1, b = -1;
      for (let k = 4 * i; k < Math.min(4 * i + 4, last.low.length); k++) { if (last.low[k] < a) a = last.low[k]; if (last.high[k] > b) b = last.high[k]; }
      l[i] = a; h[i] = b;
    }
    levels.push({ low: l, high: h, per: last.per * 4 });
  }
  return levels;
}
async function load() {
  const parts = await Promise.all([data.envelope, ...data.details].map(async (part) => {
    const bytes = await unpacked(part.data), names = data.tracks.map((t) => t.name), lanes = {};
    names.forEach((name, i) => { lanes[name] = pyramid(bytes, part.bins, 2 * i * part.bins); });
    return { start: part.start_s, step: part.step_s, end: part.start_s + part.step_s * part.bins, lanes };
  }));
  tracks = parts[0];
  details = parts.slice(1).sort((a, b) => a.step - b.step);
}
function shape(part, name, a, b, y, half, more, per) {
  // columns of one pixel; if a bin is several pixels wide, a line through the extremes
  const levels = part.lanes[name], point = (v) => y - clamp(v * more, -1, 1) * half, x0 = xOf(part.start);
  let level = levels[0];
  for (const l of levels) if (l.per * part.step <= per) level = l;
  const step = level.per * part.step, n = level.low.length;
  const first = Math.max(0, Math.floor((a - part.start) / step)), last = Math.min(n, Math.ceil((b - part.start) / step));
  if (step > per * 3) {
    pen.beginPath();
    for (let i = first; i < last; i++) pen.lineTo(x0 + (i + .5) * step / per, point(level.high[i]));
    for (let i = last - 1; i >= first; i--) pen.lineTo(x0 + (i + .5) * step / per, point(level.low[i]));
    pen.closePath(); pen.fill(); pen.stroke();
    return;
  }
  const wide = Math.max(1, Math.ceil(step / per));
  for (let i = first; i < last;) {
    const x = Math.floor(x0 + i * step / per);
    let low = 1, high = -1;
    for (; i < last && Math.floor(x0 + i * step / per) === x; i++) { if (level.low[i] < low) low = level.low[i]; if (level.high[i] > high) high = level.high[i]; }
    const above = point(high);
    pen.fillRect(x, above, wide, Math.max(1, point(low) - above));
  }
}
