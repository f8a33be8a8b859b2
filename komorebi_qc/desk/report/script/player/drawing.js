// The rows of the canvas: waveforms, marked spans, bands, marks and the time axis.

function peakWithin(part, name, from, to) {
  const level = levelFor(part, name, (to - from) / 60);
  const step = level.per * part.step;
  const first = Math.max(0, Math.floor((from - part.start) / step));
  const last = Math.min(level.low.length, Math.ceil((to - part.start) / step));
  let peak = 0;
  for (let i = first; i < last; i++) peak = Math.max(peak, level.high[i], -level.low[i]);
  return peak;
}

// Auto: the visible part fills its row, in steps, up to 8 times the gain of the whole.
function laneGain(name) {
  if (gainChoice !== "auto") return parseFloat(gainChoice);
  const whole = peakWithin(wholeEnvelope, name, 0, durationS);
  // A silent track stays so.
  if (whole < 3e-4) return 1;
  const here = Math.max(peakWithin(wholeEnvelope, name, viewFrom, viewTo), whole / 8);
  return clamp(2 ** (Math.floor(2 * Math.log2(0.95 / here)) / 2), 1, 100);
}

function drawSpans() {
  const height = lanesHeight();
  for (const span of data.spans) {
    const x = xAt(span.from_s);
    const width = Math.max(2, xAt(span.to_s) - x);
    if (x + width < 0 || x > stageWidth) continue;
    if (span.kind === "masked") fillTransparent(colours.suspended, 0.22, x, lanesTop(), width, height);
    else if (span.kind === "suspended" || span.kind === "redacted") drawSuspension(span.kind, x, width, height);
    else drawTrackSpan(span, x, width);
  }
}

const lanesHeight = () => shownTracks.length * (laneHeight + laneGap) - laneGap;

function fillTransparent(style, opacity, x, y, width, height) {
  ctx.globalAlpha = opacity;
  ctx.fillStyle = style;
  ctx.fillRect(x, y, width, height);
  ctx.globalAlpha = 1;
}

function outline(colour, lineWidth, x, y, width, height) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = lineWidth;
  ctx.strokeRect(x + lineWidth / 2, y + lineWidth / 2, Math.max(0, width - lineWidth), height - lineWidth);
}

// A span of all tracks.
function drawSuspension(kind, x, width, height) {
  fillTransparent(patterns[kind], 0.35, x, lanesTop(), width, height);
  outline(colours.suspended, 2, x, lanesTop(), width, height);
}

// A span of one track: silence, hold, a dropout or clipping.
function drawTrackSpan(span, x, width) {
  const lane = shownTracks.findIndex((track) => track.name === span.track);
  if (lane < 0 || (isElsewhere() && isCallTrack(span.track))) return;
  const y = lanesTop() + lane * (laneHeight + laneGap);
  if (span.kind === "silence") {
    ctx.fillStyle = colours.quiet;
    ctx.fillRect(x, y + laneHeight - 4, width, 4);
    return;
  }
  if (span.kind === "hold") {
    fillTransparent(holdPattern, 0.45, x, y, width, laneHeight);
    outline(colours.mark, 1, x, y, width, laneHeight);
    return;
  }
  // A triangle, up for a dropout and down for clipping: the kinds differ without colours too.
  fillTransparent(colours.fail, 0.3, x, y, width, laneHeight);
  const isUp = span.kind === "dropout";
  const base = isUp ? y + laneHeight : y;
  const middle = x + width / 2;
  ctx.beginPath();
  ctx.moveTo(middle - 5, base);
  ctx.lineTo(middle + 5, base);
  ctx.lineTo(middle, isUp ? base - 8 : base + 8);
  ctx.fill();
}

function drawBands() {
  bandRows.forEach(([row], i) => {
    if (isBandStale(row)) return;
    const y = bandTop(i);
    for (const band of data.bands) {
      if (band.row !== row) continue;
      const a = clamp(xAt(band.from_s), -2, stageWidth + 2);
      const b = clamp(xAt(band.to_s), -2, stageWidth + 2);
      if (b <= -2 || a >= stageWidth + 2) continue;
      const width = Math.max(2, b - a);
      ctx.fillStyle = patterns[band.kind];
      ctx.fillRect(a, y, width, bandHeight);
      outline(colours[band.kind], 1, a, y, width, bandHeight);
    }
  });
}

// Draw all tracks at `per` seconds a pixel, and return whether more detail than the page has would show.
function drawWaveforms(per) {
  const details = detailEnvelopes.filter((part) => per < wholeEnvelope.step && part.step < wholeEnvelope.step);
  let isBare = false;
  shownTracks.forEach((track, lane) => {
    const y = lanesTop() + lane * (laneHeight + laneGap) + laneHeight / 2;
    ctx.fillStyle = colours.line;
    ctx.fillRect(0, y, stageWidth, 1);
    ctx.fillStyle = ctx.strokeStyle = colours[track.name];
    ctx.lineWidth = 1;
    const gain = laneGain(track.name);
    const draw = (from, to, movedS) => {
      const bare = drawTrack(track.name, details, from, to, { y, gain, per, movedS });
      isBare = isBare || bare.some(([a, b]) => b - a > per * 8 && Math.min(b, durationS) > a);
    };
    if (isTrial() && isCallTrack(track.name)) drawMovedWaveforms(draw, viewFrom, viewTo);
    else draw(viewFrom, viewTo, 0);
  });
  return isBare && wholeEnvelope.step > 4 * per;
}

// Draw a track from `from` to `to`, `movedS` later: with details as far as there are any. Returns the spans without.
function drawTrack(name, details, from, to, { y, gain, per, movedS }) {
  const drawPart = (part, a, b) => {
    ctx.save();
    ctx.beginPath();
    ctx.rect(xAt(a), y - laneHeight / 2, xAt(b) - xAt(a), laneHeight);
    ctx.clip();
    // Two bins more on each side, so that lines go on across the edge.
    const [first, last] = [Math.max(from, a - 2 * part.step), Math.min(to, b + 2 * part.step)];
    drawEnvelope(part, name, first, last, { y, half: laneHeight / 2 - 2, gain, per });
    ctx.restore();
  };
  let open = [[from, to]];
  ctx.save();
  ctx.translate(movedS / per, 0);
  for (const part of details) {
    const rest = [];
    for (const [a, b] of open) {
      const [first, last] = [Math.max(a, part.start), Math.min(b, part.end)];
      if (first >= last) {
        rest.push([a, b]);
        continue;
      }
      drawPart(part, first, last);
      if (a < first) rest.push([a, first]);
      if (last < b) rest.push([last, b]);
    }
    open = rest;
  }
  for (const [a, b] of open) drawPart(wholeEnvelope, a, b);
  ctx.restore();
  return open;
}

const bandTop = (i) => lanesTop() + lanesHeight() + laneGap + i * (bandLabelHeight + bandHeight) + bandLabelHeight;

// The call's agreement was measured at its present place, and holds for no other one.
const isBandStale = (row) => row === "call" && isElsewhere();
const isElsewhere = () => isTrial() && !isSamePlace(triedPlace, trial.places[0].alignment);
const isCallTrack = (name) => name === "customer" || name === "agent";

// Over the marks' lines.
function drawBandLabels() {
  bandRows.forEach(([row, label], i) => {
    const text = isBandStale(row) ? label + ": measured at the present place only" : label;
    const y = bandTop(i);
    fillTransparent(colours.lane, 0.85, 4, y - bandLabelHeight, ctx.measureText(text).width + 8, bandLabelHeight);
    ctx.fillStyle = colours.soft;
    ctx.fillText(text, 8, y - 4);
  });
}

// Over the marks' lines.
function drawLaneLabels() {
  shownTracks.forEach((track, lane) => {
    const y = lanesTop() + lane * (laneHeight + laneGap);
    const gain = laneGain(track.name);
    const times = gain < 10 ? gain.toFixed(1).replace(/\.0$/, "") : Math.round(gain);
    const label = track.label + (gain > 1.01 ? "  \u00d7" + times : "");
    fillTransparent(colours.lane, 0.8, 4, y + 1, ctx.measureText(label).width + 8, 16);
    ctx.fillStyle = colours.ink;
    ctx.fillText(label, 8, y + 13);
  });
}

// Ticks at round times, at least 90 pixels apart.
function drawTimeAxis(height) {
  const step = tickSteps.find((t) => (viewTo - viewFrom) / t <= stageWidth / 90) || 7200;
  const digits = step >= 1 ? 0 : Math.ceil(-Math.log10(step) - 1e-9);
  ctx.fillStyle = colours.soft;
  ctx.textAlign = "center";
  for (let k = Math.ceil(viewFrom / step - 1e-9); k * step <= viewTo; k++) {
    const x = xAt(k * step);
    ctx.fillRect(x, height - axisHeight, 1, 5);
    if (x > 38 && x < stageWidth - 38) ctx.fillText(clockText(k * step, digits), x, height - 7);
  }
  ctx.textAlign = "left";
}

function drawMarks(height) {
  const edge = (viewTo - viewFrom) * 0.002;
  const all = [...data.marks, ...trialMarks(), ...noteMarks()];
  const marks = all.filter((mark) => mark.at_s >= viewFrom - edge && mark.at_s <= viewTo + edge);
  const labels = placedLabels(marks);
  for (const mark of marks) {
    // A line reaches up to its label, so that each label keeps its line.
    const x = xAt(mark.at_s);
    const label = labels.find((one) => one.mark === mark);
    ctx.strokeStyle = colours[mark.colour] || colours.mark;
    ctx.lineWidth = 2;
    ctx.setLineDash(mark.dash);
    ctx.beginPath();
    ctx.moveTo(x, label ? 3 + 15 * label.row : headerHeight - 3);
    ctx.lineTo(x, height - axisHeight);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  for (const { mark, x, row, width } of labels) {
    fillTransparent(colours.lane, 0.85, x - 1, 2 + 15 * row, width + 2, 14);
    ctx.fillStyle = colours.ink;
    ctx.fillText(mark.label, x, 13 + 15 * row);
  }
}

// Labels right or left of their lines, in rows, the most important first, while there is room.
function placedLabels(marks) {
  const rows = Array.from({ length: labelRows }, () => []);
  const labels = [];
  for (const mark of [...marks].sort((a, b) => a.rank - b.rank)) {
    const line = xAt(mark.at_s);
    const width = ctx.measureText(mark.label).width;
    for (const x of [line + 4, line - width - 4]) {
      if (x < 0 || x + width > stageWidth) continue;
      const row = rows.findIndex((taken) => taken.every(([a, b]) => x > b + 6 || x + width < a - 6));
      if (row < 0) continue;
      rows[row].push([x, x + width]);
      labels.push({ mark, x, row, width });
      break;
    }
  }
  return labels;
}

function paint() {
  frameRequest = 0;
  if (!wholeEnvelope) return;
  const began = performance.now();
  const height = canvas.height / pixelRatio;
  ctx.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  ctx.fillStyle = colours.lane;
  ctx.fillRect(0, 0, stageWidth, height);
  ctx.font = "12px system-ui, sans-serif";
  ctx.textBaseline = "alphabetic";
  drawSourceStrip();
  drawSpans();
  const isBare = drawWaveforms((viewTo - viewFrom) / stageWidth);
  drawBands();
  drawMarkedSpan(height);
  drawTimeAxis(height);
  drawMarks(height);
  drawLaneLabels();
  drawBandLabels();
  drawPlayhead(height);
  showGrain(isBare);
  root.dataset.frameMs = (performance.now() - began).toFixed(2);
}

function drawPlayhead(height) {
  const t = playheadS();
  const x = xAt(t);
  ctx.fillStyle = colours.head;
  ctx.fillRect(x - 1, 0, 2, height - axisHeight);
  ctx.beginPath();
  ctx.moveTo(x - 6, 0);
  ctx.lineTo(x + 6, 0);
  ctx.lineTo(x, 8);
  ctx.fill();
  root.dataset.headS = t.toFixed(4);
}

function showGrain(isBare) {
  const step = Math.round(wholeEnvelope.step * 1000) + " ms";
  const text = isBare
    ? "The waveform is stored in steps of " + step + " here; more detail is available near findings and marks (n, p)."
    : "";
  if (element("grain").textContent !== text) element("grain").textContent = text;
}
