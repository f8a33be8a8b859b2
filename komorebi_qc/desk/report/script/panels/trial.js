// Another place of the call: its map, its audio from the tracks beside the page, and its waveforms.
const bench = data.trial || null, trialRate = 8000, chunkS = 30;
let tried = bench && structuredClone(bench.places[0].alignment), triedPieces = [], trialFrom = 0, trialTo = 0, trialJob = 0, trialUrl = "";
if (bench) { players.trial = document.createElement("audio"); players.trial.preload = "auto"; }
const isTrying = () => bench !== null && mode === "trial";
const round6 = (x) => Math.round(x * 1e6) / 1e6;

// --- the map from the call clock to the output clock
function deviation(place, c) {
  const knots = place.knots || [];
  if (!knots.length) return 0;
  if (c <= knots[0].call_s) return knots[0].deviation_s;
  for (let k = 1; k < knots.length; k++) {
    const [a, b] = [knots[k - 1], knots[k]];
    if (c <= b.call_s) return a.deviation_s + (c - a.call_s) / Math.max(b.call_s - a.call_s, 1e-12) * (b.deviation_s - a.deviation_s);
  }
  return knots[knots.length - 1].deviation_s;
}
function callPieces(place) {  // straight pieces on the output clock, in order; if two overlap, the later one plays
  const inside = (c) => c > 0 && c < bench.call_s, out = [];
  const edges = [...new Set([0, ...place.jumps.map((j) => j.call_s).filter(inside), ...(place.knots || []).map((k) => k.call_s).filter(inside), bench.call_s])].sort((a, b) => a - b);
  const part = place.agent_part ? [place.agent_part.call_from_s, place.agent_part.call_to_s] : [0, bench.call_s];
  for (let k = 0; k + 1 < edges.length; k++) {
    const [c0, c1] = [edges[k], edges[k + 1]], moved = place.jumps.reduce((sum, j) => sum + (j.call_s <= c0 ? j.size_s : 0), 0);
    const rate = 1 + place.drift_ppm * 1e-6 + (deviation(place, c1) - deviation(place, c0)) / (c1 - c0);
    const start = place.offset_s + c0 * (1 + place.drift_ppm * 1e-6) + moved + deviation(place, c0) + bench.shift_s;
    const a = Math.max(c0, part[0], c0 - start / rate), b = Math.min(c1, part[1]);
    if (b <= a) continue;
    const piece = { from: start + (a - c0) * rate, to: start + (b - c0) * rate, call: a, rate };
    while (out.length && out[out.length - 1].from >= piece.from) out.pop();
    if (out.length) out[out.length - 1].to = Math.min(out[out.length - 1].to, piece.from);
    out.push(piece);
  }
  return out;
}
const callAt = (piece, t) => piece.call + (t - piece.from) / piece.rate, outputAt = (piece, c) => piece.from + (c - piece.call) * piece.rate;
function playheadOnCall() {
  const t = now(), piece = triedPieces.find((p) => t >= p.from && t < p.to);
  return piece ? callAt(piece, t) : null;
}

// --- the audio: chunks of both files, from a frame, because a file may not read another one
const chunks = new Map(), asked = new Map();
let tracksFrame = null;
function openTracks() {
  tracksFrame = tracksFrame || new Promise((resolve, reject) => {
    const box = document.createElement("iframe");
    box.hidden = true; box.title = "Audio of the trial"; box.setAttribute("sandbox", "allow-scripts"); box.src = bench.audio;
    window.addEventListener("message", (e) => {
      if (e.source !== box.contentWindow || !e.data) return;
      if (e.data.trial === "ready") resolve(box.contentWindow);
      else if (Array.isArray(e.data.trial)) { const key = e.data.trial.join(" "), done = asked.get(key); asked.delete(key); if (done) done(String(e.data.chunk)); }
    });
    setTimeout(() => { box.remove(); reject(new Error("no audio")); }, 10000);
    root.append(box);
  });
  return tracksFrame;
}
async function fetched(name, n) {
  const from_ = await openTracks();
  const text = await new Promise((resolve) => { asked.set(name + " " + n, resolve); from_.postMessage([name, n], "*"); });
  if (!text) return null;
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const sound = await new OfflineAudioContext(1, 1, trialRate).decodeAudioData(raw);
  return Array.from({ length: sound.numberOfChannels }, (_, k) => sound.getChannelData(k));
}
function chunk(name, n) {
  const key = name + " " + n;
  if (!chunks.has(key)) { chunks.set(key, fetched(name, n)); if (chunks.size > 60) chunks.delete(chunks.keys().next().value); }
  return chunks.get(key);
}
async function copied(out, first, last, name, s, rate) {  // samples [first, last) from the source's time s on
  const place = s * trialRate, end = place + (last - first) / rate, got = [];
  for (let n = Math.max(0, Math.floor(place / trialRate / chunkS)); n * chunkS * trialRate <= end; n++) got[n] = await chunk(name, n);
  const size = chunkS * trialRate;
  for (let i = first; i < last; i++) {
    const x = place + (i - first) / rate, n = Math.floor(x / size), sides = x < 0 ? null : got[n];
    if (!sides) continue;
    const at = x - n * size, k = Math.floor(at), f = at - k;
    let sum = 0;
    for (const side of sides) { const a = k < side.length ? side[k] : 0, b = k + 1 < side.length ? side[k + 1] : a; sum += a + f * (b - a); }
    out[i] = sum / sides.length;
  }
}
async function bothSides(a, b, pieces = triedPieces) {  // the call at the tried place, and the recording, from output time a to b
  const n = Math.round((b - a) * trialRate), left = new Float32Array(n), right = new Float32Array(n);
  const sample = (t) => clamp(Math.round((t - a) * trialRate), 0, n);
  for (const p of pieces) {
    const i = sample(p.from), j = sample(p.to);
    if (j > i) await copied(left, i, j, "call", callAt(p, a + i / trialRate), p.rate);
  }
  await copied(right, 0, n, "recording", a - bench.shift_s, 1);
  for (const [c0, c1] of bench.masked) for (const p of pieces) {  // a masked span of the call is silent at the tried place too, on both sides
    const x = Math.max(c0, p.call), y = Math.min(c1, callAt(p, p.to));
    if (y > x) { left.fill(0, sample(outputAt(p, x)), sample(outputAt(p, y))); right.fill(0, sample(outputAt(p, x)), sample(outputAt(p, y))); }
  }
  for (const span of data.spans) if (span.kind === "masked") { left.fill(0, sample(span.from_s), sample(span.to_s)); right.fill(0, sample(span.from_s), sample(span.to_s)); }
  return [left, right];
}
function wav(sides) {
  const n = sides[0].length, bytes = new DataView(new ArrayBuffer(44 + 2 * n * sides.length)), text = (at, s) => [...s].forEach((c, k) => bytes.setUint8(at + k, c.charCodeAt(0)));
  text(0, "RIFF"); bytes.setUint32(4, bytes.byteLength - 8, true); text(8, "WAVEfmt "); bytes.setUint32(16, 16, true); bytes.setUint16(20, 1, true); bytes.setUint16(22, sides.length, true);
  bytes.setUint32(24, trialRate, true); bytes.setUint32(28, trialRate * 2 * sides.length, true); bytes.setUint16(32, 2 * sides.length, true); bytes.setUint16(34, 16, true); text(36, "data"); bytes.setUint32(40, 2 * n * sides.length, true);
  for (let i = 0, at = 44; i < n; i++) for (const side of sides) { bytes.setInt16(at, clamp(Math.round(side[i] * 32767), -32768, 32767), true); at += 2; }
  return new Blob([bytes], { type: "audio/wav" });
}
async function hearTrial() {  // a minute around the playhead; the players' own speed and mute hold for it too
  const job = ++trialJob, t = now(), a = Math.max(0, t - 8), b = Math.min(length, t + 40), began = performance.now();
  trialFrom = a; trialTo = b;
  try {
    const sides = await bothSides(a, b);
    if (job !== trialJob) return;
    const audio = players.trial, old = trialUrl;
    trialUrl = URL.createObjectURL(wav(sides)); audio.src = trialUrl;
    audio.addEventListener("loadedmetadata", () => { sync(); root.dataset.trialMs = (performance.now() - began).toFixed(1); }, { once: true });
    if (old) URL.revokeObjectURL(old);
  } catch { tracksFrame = null; chunks.clear(); say("The audio of another place can't be read: keep the audio folder beside this page."); }
}
function keepTrial(t) { if (isTrying() && (t < trialFrom || (t > trialTo - 4 && trialTo < length - .01))) hearTrial(); }
function place_(alignment, text) {
  tried = alignment; triedPieces = callPieces(tried);
  if (!isTrying()) chooseAudio("trial"); else hearTrial();
  if (text) say(text);
  redraw(); placeShown();
}

// --- the waveforms at the tried place: each piece of it, from the part of the drawn output that has the same call audio
function movedWaves(draw, a, b) {
  for (const p of triedPieces) for (const [from_, to_, call, rate] of bench.pieces) {
    const whole = { from: from_, to: to_, call, rate }, c0 = Math.max(callAt(p, Math.max(a, p.from)), call), c1 = Math.min(callAt(p, Math.min(b, p.to)), callAt(whole, to_));
    if (c1 <= c0) continue;
    const x = outputAt(p, c0), source = outputAt(whole, c0);
    draw(source, source + (c1 - c0) * rate, x - source);
  }
}
function triedMarks() {
  if (!isTrying() || !triedPieces.length) return [];
  const first_ = triedPieces[0], last_ = triedPieces[triedPieces.length - 1];
  return [{ at_s: first_.from, label: "tried start", colour: "output", dash: [3, 3], rank: 0 }, { at_s: last_.to, label: "tried end", colour: "output", dash: [3, 3], rank: 0 },
    ...tried.jumps.map((j) => ({ at_s: outputAt(triedPieces.find((p) => p.call >= j.call_s - 1e-9) || last_, j.call_s), label: "tried jump", colour: "output", dash: [3, 3], rank: 0 }))];
}
if (bench) triedPieces = callPieces(tried);
