// The fit under the playhead: the correlation of the call with the recording, over lags around the tried place.
const meterS = 2, meterReach = 1200, meterSize = 32768;
let meterBusy = false, meterAt = "", meterBest = 0;
function transform(re, im, back) {  // an FFT in place, radix 2
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) { [re[i], re[j]] = [re[j], re[i]]; [im[i], im[j]] = [im[j], im[i]]; }
  }
  for (let size_ = 2; size_ <= n; size_ <<= 1) {
    const angle = (back ? 2 : -2) * Math.PI / size_, half = size_ >> 1, cos = new Float64Array(half), sin = new Float64Array(half);
    for (let k = 0; k < half; k++) { cos[k] = Math.cos(angle * k); sin[k] = Math.sin(angle * k); }
    for (let i = 0; i < n; i += size_) for (let k = 0; k < half; k++) {
      const a = i + k, b = a + half, x = re[b] * cos[k] - im[b] * sin[k], y = re[b] * sin[k] + im[b] * cos[k];
      re[b] = re[a] - x; im[b] = im[a] - y; re[a] += x; im[a] += y;
    }
  }
}
function fitted(left, right) {  // partly whitened (|.|^0.75), 1 for equal sounds; positive lags: the recording is later
  const spectrum = (side) => { const re = new Float64Array(meterSize), im = new Float64Array(meterSize); re.set(side); transform(re, im, false); return [re, im]; };
  const [a, b] = spectrum(left), [c, d] = spectrum(right), re = new Float64Array(meterSize), im = new Float64Array(meterSize);
  let one = 0, two = 0;
  for (let k = 0; k < meterSize; k++) {
    const x = Math.hypot(a[k], b[k]), y = Math.hypot(c[k], d[k]), weight = Math.max(x * y, 1e-9) ** -.75;
    one += x * x * Math.max(x * x, 1e-9) ** -.75; two += y * y * Math.max(y * y, 1e-9) ** -.75;
    re[k] = (a[k] * c[k] + b[k] * d[k]) * weight; im[k] = (a[k] * d[k] - b[k] * c[k]) * weight;
  }
  transform(re, im, true);
  const most = Math.sqrt(one * two) || 1, curve = new Float32Array(2 * meterReach + 1);
  for (let lag = -meterReach; lag <= meterReach; lag++) curve[lag + meterReach] = re[(lag + meterSize) % meterSize] / most;
  return curve;
}
async function measureFit() {
  const t = now(), key = t.toFixed(2) + JSON.stringify(tried) + width;
  if (!isTrying() || meterBusy || key === meterAt || !by("meter")) return;
  meterBusy = true; meterAt = key;
  try {
    const a = clamp(t - meterS / 2, 0, Math.max(0, length - meterS)), [left, right] = await bothSides(a, Math.min(length, a + meterS));
    const loud = (side) => Math.sqrt(side.reduce((sum, v) => sum + v * v, 0) / side.length);
    if (loud(left) < 1e-3 || loud(right) < 1e-3) { meterBest = 0; drawFit(null, "No speech on both sides at the playhead."); return; }
    const curve = fitted(left, right);
    let best = 0;
    for (let k = 1; k < curve.length; k++) if (curve[k] > curve[best]) best = k;
    meterBest = (best - meterReach) / trialRate;
    drawFit(curve, "Fit at the playhead: " + Math.max(0, curve[meterReach]).toFixed(2) + ". Best within 150 ms: " + curve[best].toFixed(2) + " at " + (meterBest * 1000).toFixed(1).replace(/^(?=[\d])/, "+") + " ms.");
    root.dataset.fit = curve[meterReach].toFixed(4); root.dataset.fitBestS = meterBest.toFixed(6);
  } catch { drawFit(null, "The audio for the fit can't be read."); } finally { meterBusy = false; }
}
function drawFit(curve, text) {
  const box = by("meter"), p = box.getContext("2d"), wide = box.clientWidth || 320, high = 56;
  box.width = wide * ratio; box.height = high * ratio; p.setTransform(ratio, 0, 0, ratio, 0, 0);
  p.fillStyle = colours.lane; p.fillRect(0, 0, wide, high);
  p.fillStyle = colours.output; p.fillRect(wide / 2 - .5, 0, 1, high);
  if (curve) {
    const most = Math.max(.1, ...curve);
    p.strokeStyle = colours.ink; p.lineWidth = 1.2; p.beginPath();
    for (let x = 0; x < wide; x++) {
      let v = -1;
      for (let k = Math.floor(x / wide * (curve.length - 1)); k <= Math.ceil((x + 1) / wide * (curve.length - 1)); k++) v = Math.max(v, curve[k] || 0);
      p.lineTo(x, high - 3 - Math.max(0, v) / most * (high - 8));
    }
    p.stroke();
  }
  by("meter-text").textContent = text;
  const button = by("snap"); button.disabled = !curve || Math.abs(meterBest) < 1 / trialRate;
  button.textContent = curve && !button.disabled ? "Move by " + (meterBest * 1000).toFixed(1) + " ms" : "Move to the best fit";
}
