// The rows of the canvas: waveforms, marked spans, bands, marks and the time axis.
function loudest(part, name, a, b) {
  const levels = part.lanes[name];
  let level = levels[0];
  for (const l of levels) if (l.per * part.step <= (b - a) / 60) level = l;
  const step = level.per * part.step, first = Math.max(0, Math.floor((a - part.start) / step)), last = Math.min(level.low.length, Math.ceil((b - part.start) / step));
  let most = 0;
  for (let i = first; i < last; i++) most = Math.max(most, level.high[i], -level.low[i]);
  return most;
}
function raised(name) {  // auto: the visible part fills its row, in steps, up to 8 times the gain of the whole
  if (gain !== "auto") return parseFloat(gain);
  const whole = loudest(tracks, name, 0, length);
  if (whole < 3e-4) return 1;  // silent
  const here = Math.max(loudest(tracks, name, from, to), whole / 8);
  return clamp(2 ** (Math.floor(2 * Math.log2(.95 / here)) / 2), 1, 100);
}
function stretches() {
  for (const span of data.spans) {
    const a = xOf(span.from_s), b = xOf(span.to_s), i = shown.findIndex((t) => t.name === span.track);
    if (span.kind === "masked" && b >= 0 && a <= width) {  // of all tracks, under its suspensions and redactions
      pen.globalAlpha = .22; pen.fillStyle = colours.suspended; pen.fillRect(a, first(), Math.max(2, b - a), shown.length * (lane + gap) - gap); pen.globalAlpha = 1;
      continue;
    }
    if ((span.kind === "suspended" || span.kind === "redacted") && b >= 0 && a <= width) {  // of all tracks
      const w = Math.max(2, b - a), h = shown.length * (lane + gap) - gap;
      pen.globalAlpha = .35; pen.fillStyle = fills[span.kind]; pen.fillRect(a, first(), w, h); pen.globalAlpha = 1;
      pen.strokeStyle = colours.suspended; pen.lineWidth = 2; pen.strokeRect(a + 1, first() + 1, Math.max(0, w - 2), h - 2);
      continue;
    }
    if (b < 0 || a > width || i < 0) continue;
    const y = first() + i * (lane + gap), w = Math.max(2, b - a), middle = clamp((a + b) / 2, a, a + w);
    if (span.kind === "silence") { pen.fillStyle = colours.quiet; pen.fillRect(a, y + lane - 4, w, 4); }
    else if (span.kind === "hold") { pen.globalAlpha = .45; pen.fillStyle = hatch; pen.fillRect(a, y, w, lane); pen.globalAlpha = 1; pen.strokeStyle = colours.mark; pen.lineWidth = 1; pen.strokeRect(a + .5, y + .5, w - 1, lane - 1); }
    else {
      pen.fillStyle = colours.fail; pen.globalAlpha = .3; pen.fillRect(a, y, w, lane); pen.globalAlpha = 1;
      const up = span.kind === "dropout", base = up ? y + lane : y, tip = up ? base - 8 : base + 8;
      pen.beginPath(); pen.moveTo(middle - 5, base); pen.lineTo(middle + 5, base); pen.lineTo(middle, tip); pen.fill();
    }
  }
}
function bands() {
  bandRows.forEach(([row, label], i) => {
    const y = first() + shown.length * (lane + gap) + i * (bandText + bandLane) + bandText;
    pen.fillStyle = colours.lane; pen.globalAlpha = .8; pen.fillRect(4, y - bandText, pen.measureText(label).width + 8, bandText); pen.globalAlpha = 1;
    pen.fillStyle = colours.soft; pen.fillText(label, 8, y - 4);
    for (const band of data.bands) {
      if (band.row !== row) continue;
      const a = clamp(xOf(band.from_s), -2, width + 2), b = clamp(xOf(band.to_s), -2, width + 2);
      if (b <= -2 || a >= width + 2) continue;
      const w = Math.max(2, b - a);
      pen.fillStyle = fills[band.kind]; pen.fillRect(a, y, w, bandLane);
      pen.strokeStyle = colours[band.kind]; pen.lineWidth = 1; pen.strokeRect(a + .5, y + .5, Math.max(1, w - 1), bandLane - 1);
    }
  });
}
function waves(per) {
  const fine = per < tracks.step ? details.filter((p) => p.step < tracks.step) : [];
  let bare = false;
  shown.forEach((track, i) => {
    const y = first() + i * (lane + gap) + lane / 2, more = raised(track.name);
    pen.strokeStyle = colours.line; pen.lineWidth = 1; pen.beginPath(); pen.moveTo(0, y + .5); pen.lineTo(width, y + .5); pen.stroke();
    pen.fillStyle = pen.strokeStyle = colours[track.name];
    const drawn = (a0, b0, moved) => {  // the part of the output from a0 to b0, drawn `moved` seconds later
      const piece = (part, a, b) => {
        pen.save(); pen.beginPath(); pen.rect(xOf(a), y - lane / 2, xOf(b) - xOf(a), lane); pen.clip();
        shape(part, track.name, Math.max(a0, a - 2 * part.step), Math.min(b0, b + 2 * part.step), y, lane / 2 - 2, more, per); pen.restore();
      };
      let open = [[a0, b0]];
      pen.save(); pen.translate(moved / per, 0);
      for (const p of fine) {
        const rest = [];
        for (const [a, b] of open) {
          const x = Math.max(a, p.start), z = Math.min(b, p.end);
          if (x >= z) { rest.push([a, b]); continue; }
          piece(p, x, z);
          if (a < x) rest.push([a, x]);
          if (z < b) rest.push([z, b]);
        }
        open = rest;
      }
      for (const [a, b] of open) piece(tracks, a, b);
      pen.restore();
      bare = bare || open.some(([a, b]) => b - a > per * 8 && Math.min(b, length) > a);
    };
    if (isTrying() && (track.name === "customer" || track.name === "agent")) movedWaves(drawn, from, to); else drawn(from, to, 0);
  });
  return bare && tracks.step > 4 * per;
}
function rowLabels() {  // over the marks' lines
  shown.forEach((track, i) => {
    const y = first() + i * (lane + gap) + lane / 2, more = raised(track.name);
    const label = track.label + (more > 1.01 ? "  \u00d7" + (more < 10 ? more.toFixed(1).replace(/\.0$/, "") : Math.round(more)) : "");
    pen.fillStyle = colours.lane; pen.globalAlpha = .8; pen.fillRect(4, y - lane / 2 + 1, pen.measureText(label).width + 8, 16); pen.globalAlpha = 1;
    pen.fillStyle = colours.ink; pen.fillText(label, 8, y - lane / 2 + 13);
  });
}
function axis(height) {
  const step = ticks.find((t) => (to - from) / t <= width / 90) || 7200, digits = step >= 1 ? 0 : Math.ceil(-Math.log10(step) - 1e-9);
  pen.fillStyle = colours.soft; pen.textAlign = "center";
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to; k++) {
    const x = xOf(k * step);
    pen.fillRect(x, height - foot, 1, 5); if (x > 38 && x < width - 38) pen.fillText(clock(k * step, digits), x, height - 7);
  }
  pen.textAlign = "left";
}
function signs(height) {
  const seen = [...data.marks, ...triedMarks(), ...noteMarks()].filter((m) => m.at_s >= from - (to - from) * .002 && m.at_s <= to + (to - from) * .002);
  const taken = Array.from({ length: labelRows }, () => []), labels = [];  // rows of labels, by rank, while there is room
  for (const mark of [...seen].sort((a, b) => a.rank - b.rank)) {
    const x = xOf(mark.at_s), w = pen.measureText(mark.label).width;
    for (const at of [x + 4, x - w - 4]) {
      if (at < 0 || at + w > width) continue;
      const row = taken.findIndex((r) => r.every(([a, b]) => at > b + 6 || at + w < a - 6));
      if (row < 0) continue;
      taken[row].push([at, at + w]); labels.push([mark, at, row]);
      break;
    }
  }
  for (const mark of seen) {  // a line reaches up to its label, so that each label keeps its line
    const x = xOf(mark.at_s), label = labels.find(([m]) => m === mark);
    pen.strokeStyle = colours[mark.colour] || colours.mark; pen.lineWidth = 2; pen.setLineDash(mark.dash);
    pen.beginPath(); pen.moveTo(x, label ? 3 + 15 * label[2] : top - 3); pen.lineTo(x, height - foot); pen.stroke(); pen.setLineDash([]);
  }
  for (const [mark, at, row] of labels) {
    const w = pen.measureText(mark.label).width;
    pen.fillStyle = colours.lane; pen.globalAlpha = .85; pen.fillRect(at - 1, 2 + 15 * row, w + 2, 14); pen.globalAlpha = 1;
    pen.fillStyle = colours.ink; pen.fillText(mark.label, at, 13 + 15 * row);
  }
}
function paint() {
  frame = 0;
  if (!tracks) return;
  const began = performance.now(), height = canvas.height / ratio, per = (to - from) / width;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = colours.lane; pen.fillRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif"; pen.textBaseline = "alphabetic";
  strip();
  stretches();
  const bare = waves(per);
  bands();
  drawSpan(height); axis(height); signs(height); rowLabels();
  const t = now(), head = xOf(t);
  pen.fillStyle = colours.head; pen.fillRect(head - 1, 0, 2, height - foot);
  pen.beginPath(); pen.moveTo(head - 6, 0); pen.lineTo(head + 6, 0); pen.lineTo(head, 8); pen.fill();
  const note = bare ? "The waveform is stored in steps of " + Math.round(tracks.step * 1000) + " ms here; more detail is available near findings and marks (n, p)." : "";
  if (by("grain").textContent !== note) by("grain").textContent = note;
  root.dataset.frameMs = (performance.now() - began).toFixed(2); root.dataset.headS = t.toFixed(4);
}
