// The waveform envelope: packed extremes, inflated once, then coarser levels, four bins into one.

async function inflated(text) {
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Int8Array(await new Response(stream).arrayBuffer());
}

// Square-root companding: quiet speech keeps its shape.
const expanded = (q) => (q * Math.abs(q)) / 16129;

// The levels of one track: the stored bins, then four bins in one, again and again.
function envelopeLevels(bytes, bins, at) {
  const low = Float32Array.from(bytes.subarray(at, at + bins), expanded);
  const high = Float32Array.from(bytes.subarray(at + bins, at + 2 * bins), expanded);
  const levels = [{ low, high, per: 1 }];
  while (levels.at(-1).low.length > 4) levels.push(coarser(levels.at(-1)));
  return levels;
}

function coarser(level) {
  const count = Math.ceil(level.low.length / 4);
  const low = new Float32Array(count).fill(1);
  const high = new Float32Array(count).fill(-1);
  for (let i = 0; i < level.low.length; i++) {
    const bin = i >> 2;
    if (level.low[i] < low[bin]) low[bin] = level.low[i];
    if (level.high[i] > high[bin]) high[bin] = level.high[i];
  }
  return { low, high, per: level.per * 4 };
}

// The coarsest level whose bins aren't longer than `most` seconds.
function levelFor(part, name, most) {
  return part.lanes[name].findLast((level) => level.per * part.step <= most) || part.lanes[name][0];
}

async function loadEnvelopes() {
  const parts = await Promise.all(
    [data.envelope, ...data.details].map(async (part) => {
      const bytes = await inflated(part.data);
      const names = data.tracks.map((t) => t.name);
      const lanes = {};
      names.forEach((name, i) => {
        lanes[name] = envelopeLevels(bytes, part.bins, 2 * i * part.bins);
      });
      return { start: part.start_s, step: part.step_s, end: part.start_s + part.step_s * part.bins, lanes };
    }),
  );
  wholeEnvelope = parts[0];
  detailEnvelopes = parts.slice(1).sort((a, b) => a.step - b.step);
}

// A part of a track at `per` seconds a pixel: columns of one pixel, or a line through the extremes if bins are wide.
function drawEnvelope(part, name, from, to, { y, half, gain, per }) {
  const yOf = (v) => y - clamp(v * gain, -1, 1) * half;
  const level = levelFor(part, name, per);
  const step = level.per * part.step;
  const start = xAt(part.start);
  const first = Math.max(0, Math.floor((from - part.start) / step));
  const last = Math.min(level.low.length, Math.ceil((to - part.start) / step));
  if (step > per * 3) {
    const middleOf = (i) => start + ((i + 0.5) * step) / per;
    ctx.beginPath();
    for (let i = first; i < last; i++) ctx.lineTo(middleOf(i), yOf(level.high[i]));
    for (let i = last - 1; i >= first; i--) ctx.lineTo(middleOf(i), yOf(level.low[i]));
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
    return;
  }
  const columnOf = (i) => Math.floor(start + (i * step) / per);
  const width = Math.max(1, Math.ceil(step / per));
  for (let i = first; i < last;) {
    const x = columnOf(i);
    let low = 1;
    let high = -1;
    for (; i < last && columnOf(i) === x; i++) {
      low = Math.min(low, level.low[i]);
      high = Math.max(high, level.high[i]);
    }
    ctx.fillRect(x, yOf(high), width, Math.max(1, yOf(low) - yOf(high)));
  }
}
