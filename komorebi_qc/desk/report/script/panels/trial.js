// Another place of the call: its map from the call clock to the output clock, its waveforms and its marks.

const trial = data.trial || null;
// The place that one listens to, and its straight pieces on the output clock.
let triedPlace = trial && structuredClone(trial.places[0].alignment);
let triedPieces = [];

const isTrial = () => trial !== null && audioName === "trial";
const round6 = (x) => Math.round(x * 1e6) / 1e6;

// --- the map from the call clock to the output clock
// How far the clock is from a straight line at call time c: interpolated between the knots.
function clockDeviation(place, c) {
  const knots = place.knots || [];
  if (!knots.length) return 0;
  if (c <= knots[0].call_s) return knots[0].deviation_s;
  for (let k = 1; k < knots.length; k++) {
    const [a, b] = [knots[k - 1], knots[k]];
    if (c > b.call_s) continue;
    const share = (c - a.call_s) / Math.max(b.call_s - a.call_s, 1e-12);
    return a.deviation_s + share * (b.deviation_s - a.deviation_s);
  }
  return knots[knots.length - 1].deviation_s;
}

// Straight pieces on the output clock, in order; if two overlap, the later one plays.
function callPieces(place) {
  const drift = place.drift_ppm * 1e-6;
  const edges = pieceEdges(place);
  const [partFrom, partTo] = place.agent_part
    ? [place.agent_part.call_from_s, place.agent_part.call_to_s]
    : [0, trial.call_s];
  const pieces = [];
  for (let k = 0; k + 1 < edges.length; k++) {
    const [c0, c1] = [edges[k], edges[k + 1]];
    const [bent0, bent1] = [clockDeviation(place, c0), clockDeviation(place, c1)];
    const jumped = place.jumps.reduce((sum, jump) => sum + (jump.call_s <= c0 ? jump.size_s : 0), 0);
    const rate = 1 + drift + (bent1 - bent0) / (c1 - c0);
    const start = place.offset_s + c0 * (1 + drift) + jumped + bent0 + trial.shift_s;
    // The part before the output's start isn't in the output.
    const from = Math.max(c0, partFrom, c0 - start / rate);
    const to = Math.min(c1, partTo);
    if (to <= from) continue;
    const piece = { from: start + (from - c0) * rate, to: start + (to - c0) * rate, call: from, rate };
    while (pieces.length && pieces.at(-1).from >= piece.from) pieces.pop();
    if (pieces.length) pieces.at(-1).to = Math.min(pieces.at(-1).to, piece.from);
    pieces.push(piece);
  }
  return pieces;
}

// Call times at which a place's map can bend or jump, with both ends.
function pieceEdges(place) {
  const bends = [...place.jumps, ...(place.knots || [])].map((one) => one.call_s);
  const inside = bends.filter((c) => c > 0 && c < trial.call_s);
  return [...new Set([0, ...inside, trial.call_s])].sort((a, b) => a - b);
}

// Within one piece.
const callTimeAt = (piece, t) => piece.call + (t - piece.from) / piece.rate;
const outputTimeAt = (piece, c) => piece.from + (c - piece.call) * piece.rate;

// The playhead on the call clock; null outside of the call.
function playheadCallS() {
  const t = playheadS();
  const piece = triedPieces.find((p) => t >= p.from && t < p.to);
  return piece ? callTimeAt(piece, t) : null;
}

// Move the call, and play it there.
function tryPlace(alignment, text) {
  triedPlace = alignment;
  triedPieces = callPieces(triedPlace);
  forgetFit();
  if (!isTrial()) chooseAudio("trial");
  else playTrial();
  if (text) announce(text);
  redraw();
  showTrial();
}

// --- on the canvas
// Each piece of the tried place is drawn from the part of the page's waveform that has the same call audio.
function drawMovedWaveforms(draw, a, b) {
  for (const piece of triedPieces) {
    for (const [from, to, call, rate] of trial.pieces) {
      const drawn = { from, to, call, rate };
      const callFrom = Math.max(callTimeAt(piece, Math.max(a, piece.from)), call);
      const callTo = Math.min(callTimeAt(piece, Math.min(b, piece.to)), callTimeAt(drawn, to));
      if (callTo <= callFrom) continue;
      const source = outputTimeAt(drawn, callFrom);
      draw(source, source + (callTo - callFrom) * rate, outputTimeAt(piece, callFrom) - source);
    }
  }
}

function trialMarks() {
  if (!isTrial() || !triedPieces.length) return [];
  const last = triedPieces.at(-1);
  const mark = (at, label) => ({ at_s: at, label, colour: "output", dash: [3, 3], rank: 0 });
  const jumps = triedPlace.jumps.map((jump) => {
    const piece = triedPieces.find((one) => one.call >= jump.call_s - 1e-9) || last;
    return mark(outputTimeAt(piece, jump.call_s), "tried jump");
  });
  return [mark(triedPieces[0].from, "tried start"), mark(last.to, "tried end"), ...jumps];
}

if (trial) triedPieces = callPieces(triedPlace);
