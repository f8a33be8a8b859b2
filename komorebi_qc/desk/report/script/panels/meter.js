// The fit under the playhead: the correlation of the call with the recording, over lags around the tried place.

const meterWindowS = 2;
// In samples: 150 ms.
const meterMaxLag = 1200;
const fftSize = 32768;
const SILENT_RMS = 1e-3;
// Unrelated sounds reach some 0.05; the right place of a clean call has 0.5 and more.
const LEAST_FIT = 0.12;
let isMeterBusy = false;
// The moment, the place and the width that the meter shows.
let meterKey = "";
// The lag of the best fit; 0 if there is nothing to move.
let bestLagS = 0;

// A Fourier transform in place, radix 2; `back` for the inverse one, without its factor 1/n.
function fft(re, im, back) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let blockSize = 2; blockSize <= n; blockSize <<= 1) {
    const angle = ((back ? 2 : -2) * Math.PI) / blockSize;
    const half = blockSize >> 1;
    const cos = new Float64Array(half);
    const sin = new Float64Array(half);
    for (let k = 0; k < half; k++) {
      cos[k] = Math.cos(angle * k);
      sin[k] = Math.sin(angle * k);
    }
    for (let i = 0; i < n; i += blockSize)
      for (let k = 0; k < half; k++) {
        const a = i + k;
        const b = a + half;
        const x = re[b] * cos[k] - im[b] * sin[k];
        const y = re[b] * sin[k] + im[b] * cos[k];
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
  }
}

// Partly whitened (|.|^0.75), 1 for equal sounds; positive lags: the recording is later.
function crossCorrelation(left, right) {
  const spectrum = (side) => {
    const re = new Float64Array(fftSize);
    const im = new Float64Array(fftSize);
    re.set(side);
    fft(re, im, false);
    return [re, im];
  };
  const [a, b] = spectrum(left);
  const [c, d] = spectrum(right);
  const re = new Float64Array(fftSize);
  const im = new Float64Array(fftSize);
  let one = 0;
  let two = 0;
  for (let k = 0; k < fftSize; k++) {
    const x = Math.hypot(a[k], b[k]);
    const y = Math.hypot(c[k], d[k]);
    const weight = Math.max(x * y, 1e-9) ** -0.75;
    one += x * x * Math.max(x * x, 1e-9) ** -0.75;
    two += y * y * Math.max(y * y, 1e-9) ** -0.75;
    re[k] = (a[k] * c[k] + b[k] * d[k]) * weight;
    im[k] = (a[k] * d[k] - b[k] * c[k]) * weight;
  }
  fft(re, im, true);
  const most = Math.sqrt(one * two) || 1;
  const curve = new Float32Array(2 * meterMaxLag + 1);
  for (let lag = -meterMaxLag; lag <= meterMaxLag; lag++)
    curve[lag + meterMaxLag] = re[(lag + fftSize) % fftSize] / most;
  return curve;
}

// Measure at the playhead, several times a second, if anything changed.
async function measureFit() {
  const t = playheadS();
  const place = JSON.stringify(triedPlace);
  const key = t.toFixed(2) + place + stageWidth;
  if (!isTrial() || isMeterBusy || key === meterKey) return;
  isMeterBusy = true;
  meterKey = key;
  const from = clamp(t - meterWindowS / 2, 0, Math.max(0, durationS - meterWindowS));
  try {
    const [left, right] = await renderSides(from, Math.min(durationS, from + meterWindowS));
    // The call may have moved meanwhile: then this fit belongs to no place on the page.
    if (place === JSON.stringify(triedPlace)) showFit(left, right);
  } catch {
    if (place === JSON.stringify(triedPlace)) drawCorrelation(null, NO_AUDIO);
  } finally {
    isMeterBusy = false;
  }
}

// The last fit says nothing about a new place.
function forgetFit() {
  bestLagS = 0;
  element("snap").disabled = true;
}

function showFit(left, right) {
  const rms = (side) => Math.sqrt(side.reduce((sum, v) => sum + v * v, 0) / side.length);
  if (rms(left) < SILENT_RMS || rms(right) < SILENT_RMS) {
    bestLagS = 0;
    drawCorrelation(null, "No speech on both sides at the playhead.");
    return;
  }
  const curve = crossCorrelation(left, right);
  let best = 0;
  for (let k = 1; k < curve.length; k++) if (curve[k] > curve[best]) best = k;
  bestLagS = (best - meterMaxLag) / sampleRate;
  root.dataset.fit = curve[meterMaxLag].toFixed(4);
  root.dataset.fitBestS = bestLagS.toFixed(6);
  const here = Math.max(0, curve[meterMaxLag]).toFixed(2);
  if (curve[best] < LEAST_FIT) {
    bestLagS = 0;
    drawCorrelation(curve, "No fit within 150 ms of this place (at most " + curve[best].toFixed(2) + ").");
    return;
  }
  const lag = (bestLagS < 0 ? "\u2212" : "+") + Math.abs(bestLagS * 1000).toFixed(1) + " ms";
  drawCorrelation(
    curve,
    "Fit at the playhead: " + here + ". Best within 150 ms: " + curve[best].toFixed(2) + " at " + lag + ".",
  );
}

// The correlation over the lag: the best fit's button is enabled if it would move the call.
function drawCorrelation(curve, text) {
  const box = element("meter");
  const pen = box.getContext("2d");
  const width = box.clientWidth || 320;
  const height = 56;
  box.width = width * pixelRatio;
  box.height = height * pixelRatio;
  pen.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  pen.fillStyle = colours.lane;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = colours.output;
  pen.fillRect(width / 2 - 0.5, 0, 1, height);
  if (curve) {
    const most = Math.max(LEAST_FIT, ...curve);
    const bins = (curve.length - 1) / width;
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1.2;
    pen.beginPath();
    for (let x = 0; x < width; x++) {
      const column = curve.slice(Math.floor(x * bins), Math.ceil((x + 1) * bins) + 1);
      pen.lineTo(x, height - 3 - (Math.max(0, ...column) / most) * (height - 8));
    }
    pen.stroke();
  }
  element("meter-text").textContent = text;
  const button = element("snap");
  button.disabled = !curve || Math.abs(bestLagS) < 1 / sampleRate;
  button.textContent = button.disabled ? "Move to the best fit" : "Move by " + (bestLagS * 1000).toFixed(1) + " ms";
}
