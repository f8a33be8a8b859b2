// The waveforms' canvas: its size, its colours and its patterns.
const pen = canvas.getContext("2d"), gap = 8, foot = 24, labelRows = 3, top = 6 + 15 * labelRows, bandLane = 13, bandText = 15;
const bandRows = [["call", "Call: agreement with the recording"], ["recording", "Recording: speech that the call audio doesn't have"]].filter(([row]) => data.bands.some((b) => b.row === row));
const bandHeight = bandRows.length * (bandText + bandLane) + (bandRows.length ? 6 : 0);
let gain = "auto", width = 0, ratio = 1, colours = {}, shown = [], hatch = null, fills = {}, focused = false, lane = 76;
const names = ["ink", "soft", "line", "paper", "lane", "customer", "agent", "recording", "output", "mark", "head", "fail", "accent", "quiet", "agrees", "silent", "absent", "contradicts", "suspended", "other", "only"];
function readStyle() {
  const style = getComputedStyle(root);
  for (const name of names) colours[name] = style.getPropertyValue("--" + name).trim();
  const tile = document.createElement("canvas"), p = tile.getContext("2d");
  tile.width = tile.height = 8; p.strokeStyle = colours.mark; p.lineWidth = 1.5;
  p.beginPath(); for (const d of [-8, 0, 8]) { p.moveTo(d, 8); p.lineTo(d + 8, 0); } p.stroke();
  hatch = pen.createPattern(tile, "repeat");
  fills = { agrees: colours.agrees };  // each kind has its own pattern, so that no one needs the colours
  for (const [kind, lines] of Object.entries({ silent: [[0, 0, 0, 6]], absent: [[0, 6, 6, 0]], contradicts: [[0, 0, 6, 6], [0, 6, 6, 0]], suspended: [[0, 3, 6, 3], [3, 0, 3, 6]], redacted: [[3, 0, 3, 6]], other: [[0, 3, 6, 3]], only: [[0, 0, 6, 6]] })) {
    const t = document.createElement("canvas"), q = t.getContext("2d");
    t.width = t.height = 6; q.strokeStyle = colours[kind === "redacted" ? "suspended" : kind]; q.lineWidth = kind === "silent" ? 4 : 2; q.beginPath();
    for (const [a, b, c, d] of lines) { q.moveTo(a, b); q.lineTo(c, d); }
    q.stroke(); fills[kind] = pen.createPattern(t, "repeat");
  }
}
const first = () => top + (stripHigh ? stripHigh + 4 : 0);  // the first waveform's upper edge
function size() {
  shown = data.tracks.filter((t) => t.name !== "output" || by("output").getAttribute("aria-pressed") === "true");
  width = Math.max(200, stage.clientWidth); ratio = window.devicePixelRatio || 1;
  lane = width < 500 ? 60 : 76;
  const height = first() + shown.length * (lane + gap) + bandHeight + foot;
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); canvas.style.height = height + "px";
  readStyle(); redraw();
}
const xOf = (s) => (s - from) / (to - from) * width, sOf = (x) => from + x / width * (to - from);
const ticks = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
