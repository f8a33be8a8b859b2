// Listening: speed with the pitch kept, a span to loop, and two sources at equal loudness.

// The span that one marks, on the output clock; null without one.
let markedFrom = null;
let markedTo = null;
let isLooping = false;
// The view when the loop began: it repeats if no span is marked.
let loopedView = [0, durationS];
let isLoudnessEqual = false;
// The source before the present one, for A/B.
let previousAudio = "both";
const speeds = [0.5, 0.75, 1, 1.25, 1.5, 2];

function setSpeed(speed) {
  for (const one of [video, leftOutPlayer, ...Object.values(audioPlayers)]) {
    one.preservesPitch = true;
    one.defaultPlaybackRate = speed;
    one.playbackRate = speed;
  }
  element("speed").value = String(speed);
  announce("Speed " + speed + ", with the pitch kept.");
}

function stepSpeed(steps) {
  const k = speeds.indexOf(Number(element("speed").value));
  setSpeed(speeds[clamp(k + steps, 0, speeds.length - 1)]);
}

const hasMarkedSpan = () => markedFrom !== null && markedTo !== null && markedTo > markedFrom;

function showMarkedSpan() {
  element("span-text").textContent =
    markedFrom === null
      ? ""
      : markedTo === null
        ? "From " + clockText(markedFrom, 3)
        : clockText(markedFrom, 3) + " to " + clockText(markedTo, 3);
  showNoteSpan();
  redraw();
}

function markStart() {
  markedFrom = playheadS();
  if (markedTo !== null && markedTo <= markedFrom) markedTo = null;
  showMarkedSpan();
  announce("The span begins at " + clockText(markedFrom, 3) + ".");
}

function markEnd() {
  const t = playheadS();
  if (markedFrom === null || t <= markedFrom) {
    announce("Mark the span's start first (i), then an end after it (e).");
    return;
  }
  markedTo = t;
  showMarkedSpan();
  announce("The span ends at " + clockText(t, 3) + ".");
}

function clearMarkedSpan() {
  markedFrom = markedTo = null;
  showMarkedSpan();
}

function toggleLoop() {
  isLooping = !isLooping;
  element("loop").setAttribute("aria-pressed", String(isLooping));
  announce(
    !isLooping ? "The loop is off." : hasMarkedSpan() ? "The marked span repeats." : "The visible part repeats.",
  );
}

function applyLoop(t) {
  if (!isLooping || video.paused || seekTarget !== null) return;
  const [a, b] = hasMarkedSpan() ? [markedFrom, markedTo] : loopedView;
  if (t >= b - 0.01 || t < a - 0.5) seek(a);
}

function drawMarkedSpan(height) {
  if (markedFrom === null) return;
  const a = xAt(markedFrom);
  const b = xAt(markedTo === null ? markedFrom : markedTo);
  ctx.globalAlpha = 0.18;
  ctx.fillStyle = colours.accent;
  ctx.fillRect(a, headerHeight, Math.max(2, b - a), height - axisHeight - headerHeight);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colours.accent;
  ctx.fillRect(a, headerHeight, 2, height - axisHeight - headerHeight);
  if (markedTo !== null) ctx.fillRect(b - 1, headerHeight, 2, height - axisHeight - headerHeight);
}

// The louder source is turned down to the quieter one.
function applyLoudness() {
  const levels = data.audio_levels || {};
  const known = Object.values(levels).filter((v) => v > 0);
  const quietest = Math.min(...known);
  const volume = (name) => (isLoudnessEqual && levels[name] > 0 ? quietest / levels[name] : 1);
  video.volume = volume("result");
  for (const [name, other] of Object.entries(audioPlayers)) other.volume = volume(name === "trial" ? "both" : name);
  element("equal").setAttribute("aria-pressed", String(isLoudnessEqual));
}

function toggleEqualLoudness() {
  isLoudnessEqual = !isLoudnessEqual;
  applyLoudness();
  announce(isLoudnessEqual ? "All sources are equally loud." : "Each source has its own loudness.");
}

function compareAB() {
  const names = Object.keys(data.audio);
  const other =
    Object.hasOwn(data.audio, previousAudio) || (previousAudio === "trial" && trial)
      ? previousAudio
      : names[names.length - 1];
  if (other === audioName) {
    announce("Choose another source first.");
    return;
  }
  if (!isLoudnessEqual) {
    isLoudnessEqual = true;
    applyLoudness();
  }
  chooseAudio(other);
  announce("A/B at equal loudness: " + data.audio_messages[other]);
}
