// The waveforms' canvas: its size, its colours and its patterns.

const ctx = canvas.getContext("2d");
const laneGap = 8;
const axisHeight = 24;
const labelRows = 3;
const headerHeight = 6 + 15 * labelRows;
const bandHeight = 13;
const bandLabelHeight = 15;
const bandRows = [
  ["call", "Call: agreement with the recording"],
  ["recording", "Recording: speech that the call audio doesn't have"],
].filter(([row]) => data.bands.some((b) => b.row === row));
const bandsHeight = bandRows.length * (bandLabelHeight + bandHeight) + (bandRows.length ? 6 : 0);
let gainChoice = "auto";
let stageWidth = 0;
let pixelRatio = 1;
let colours = {};
let shownTracks = [];
let holdPattern = null;
let patterns = {};
let laneHeight = 76;
// The custom properties of page.css.
const colourNames = (
  "ink soft line paper lane customer agent recording output mark head fail " +
  "accent quiet agrees silent absent contradicts suspended other only"
).split(" ");
// The lines of each kind's pattern, in a tile of 6 pixels.
const PATTERN_LINES = {
  silent: [[0, 0, 0, 6]],
  absent: [[0, 6, 6, 0]],
  contradicts: [
    [0, 0, 6, 6],
    [0, 6, 6, 0],
  ],
  suspended: [
    [0, 3, 6, 3],
    [3, 0, 3, 6],
  ],
  redacted: [[3, 0, 3, 6]],
  other: [[0, 3, 6, 3]],
  only: [[0, 0, 6, 6]],
};

function readColours() {
  const style = getComputedStyle(root);
  for (const name of colourNames) colours[name] = style.getPropertyValue("--" + name).trim();
  // Each kind has its own pattern, so that no one needs the colours.
  holdPattern = linePattern(8, colours.mark, 1.5, [
    [-8, 8, 0, 0],
    [0, 8, 8, 0],
    [8, 8, 16, 0],
  ]);
  patterns = { agrees: colours.agrees };
  for (const [kind, lines] of Object.entries(PATTERN_LINES)) {
    const colour = colours[kind === "redacted" ? "suspended" : kind];
    patterns[kind] = linePattern(6, colour, kind === "silent" ? 4 : 2, lines);
  }
}

// A tile of lines, each from x, y to x, y.
function linePattern(size, colour, lineWidth, lines) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = lineWidth;
  pen.beginPath();
  for (const [x0, y0, x1, y1] of lines) {
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat");
}

// The first waveform's upper edge.
const lanesTop = () => headerHeight + (stripHeight ? stripHeight + 4 : 0);
function resize() {
  shownTracks = data.tracks.filter(
    (t) => t.name !== "output" || element("output").getAttribute("aria-pressed") === "true",
  );
  stageWidth = Math.max(200, stage.clientWidth);
  pixelRatio = window.devicePixelRatio || 1;
  laneHeight = stageWidth < 500 ? 60 : 76;
  const height = lanesTop() + shownTracks.length * (laneHeight + laneGap) + bandsHeight + axisHeight;
  canvas.width = Math.round(stageWidth * pixelRatio);
  canvas.height = Math.round(height * pixelRatio);
  canvas.style.height = height + "px";
  readColours();
  redraw();
}

const xAt = (s) => ((s - viewFrom) / (viewTo - viewFrom)) * stageWidth;
const timeAt = (x) => viewFrom + (x / stageWidth) * (viewTo - viewFrom);
const tickSteps = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
];
