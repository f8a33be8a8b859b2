// The spectrogram of the visible part: call above, recording below. Masked spans are silent, so they are plain.

const ROW_HEIGHT = 80;
const ROW_GAP = 6;
const WINDOW = 256;
const MOST_S = 60;
const EDGE_S = 0.02;
let isSpectrogramShown = false;
// The part that was asked for last: the view, the width and the place of the call.
let spectrogramKey = "";
let spectrogramTimer = 0;

function toggleSpectrogram() {
  if (!trial) {
    announce(data.no_trial);
    return;
  }
  isSpectrogramShown = !isSpectrogramShown;
  element("spectrogram").setAttribute("aria-pressed", String(isSpectrogramShown));
  element("spectrum").hidden = !isSpectrogramShown;
  spectrogramKey = "";
  updateSpectrogram();
}

// Draw anew a moment after the last change, so that a drag draws once.
function updateSpectrogram() {
  const key = viewFrom + " " + viewTo + " " + stageWidth + (isTrial() ? JSON.stringify(triedPlace) : "");
  if (!isSpectrogramShown || key === spectrogramKey) return;
  spectrogramKey = key;
  clearTimeout(spectrogramTimer);
  spectrogramTimer = setTimeout(drawSpectrogram, 150);
}

async function drawSpectrogram() {
  const key = spectrogramKey;
  const [from, to] = [viewFrom, viewTo];
  const pen = clearedSpectrogram();
  if (to - from > MOST_S) {
    pen.fillText("Zoom in to a minute or less for the spectrogram.", 8, 20);
    root.dataset.spectrogram = "far";
    return;
  }
  const pieces = isTrial() ? triedPieces : callPieces(trial.places[0].alignment);
  let sides = null;
  try {
    sides = await renderSides(Math.max(0, from - EDGE_S), to + EDGE_S, pieces);
  } catch {
    // Said below.
  }
  // The view may have moved meanwhile: the next drawing is on its way.
  if (key !== spectrogramKey) return;
  if (!sides) {
    pen.fillText(NO_AUDIO, 8, 20);
    return;
  }
  const width = Math.floor(stageWidth);
  const columnAt = (x) => Math.round((Math.min(from, EDGE_S) + (x / width) * (to - from)) * sampleRate);
  sides.forEach((side, row) => {
    const y = row * (ROW_HEIGHT + ROW_GAP);
    pen.putImageData(spectrogramImage(side, pen.createImageData(width, ROW_HEIGHT), columnAt), 0, y);
    pen.fillStyle = "#fff";
    pen.fillText((row ? "Recording" : "Call") + ", 0 to 4 kHz", 8, y + 15);
  });
  root.dataset.spectrogram = from.toFixed(3) + " " + to.toFixed(3);
}

function clearedSpectrogram() {
  const box = element("spectrum");
  box.width = stageWidth;
  box.height = 2 * ROW_HEIGHT + ROW_GAP;
  box.style.height = box.height + "px";
  const pen = box.getContext("2d");
  pen.fillStyle = colours.lane;
  pen.fillRect(0, 0, box.width, box.height);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = colours.ink;
  return pen;
}

// One column of pixels from the window around sample `columnAt(x)`; -75 to -10 dB from dark to bright.
function spectrogramImage(samples, image, columnAt) {
  const hann = Float64Array.from({ length: WINDOW }, (_, k) => 0.5 - 0.5 * Math.cos((2 * Math.PI * k) / WINDOW));
  for (let x = 0; x < image.width; x++) {
    const first = columnAt(x) - WINDOW / 2;
    const re = Float64Array.from(hann, (weight, k) => (samples[first + k] || 0) * weight);
    const im = new Float64Array(WINDOW);
    fft(re, im, false);
    for (let y = 0; y < image.height; y++) {
      const bin = Math.floor(((image.height - 1 - y) / image.height) * (WINDOW / 2));
      const db = 20 * Math.log10(Math.hypot(re[bin], im[bin]) / (WINDOW / 4) + 1e-9);
      const v = clamp((db + 75) / 65, 0, 1);
      const colour = [255 * Math.min(1, 1.6 * v * v), 255 * v * v * v, 40 + 140 * Math.sqrt(v) * (1 - v), 255];
      image.data.set(colour, 4 * (y * image.width + x));
    }
  }
  return image;
}
