// Listening: speed with the pitch kept, a span to loop, two sources at equal loudness, and a spectrogram.
let spanFrom = null, spanTo = null, isLooping = false, isEqual = false, lastMode = "both", hasSpectrogram = false, spectrogramKey = "", spectrogramTimer = 0;
const speeds = [.5, .75, 1, 1.25, 1.5, 2];
function setSpeed(speed) {
  for (const one of [video, omitted, ...Object.values(players)]) { one.preservesPitch = true; one.defaultPlaybackRate = speed; one.playbackRate = speed; }
  by("speed").value = String(speed); say("Speed " + speed + ", with the pitch kept.");
}
function changeSpeed(by_) { const k = speeds.indexOf(Number(by("speed").value)); setSpeed(speeds[clamp(k + by_, 0, speeds.length - 1)]); }
const hasSpan = () => spanFrom !== null && spanTo !== null && spanTo > spanFrom;
function spanShown() {
  by("span-text").textContent = spanFrom === null ? "" : spanTo === null ? "From " + clock(spanFrom, 3) : clock(spanFrom, 3) + " to " + clock(spanTo, 3);
  noteSpanShown(); redraw();
}
function spanBegins() { spanFrom = now(); if (spanTo !== null && spanTo <= spanFrom) spanTo = null; spanShown(); say("The span begins at " + clock(spanFrom, 3) + "."); }
function spanEnds() {
  const t = now();
  if (spanFrom === null || t <= spanFrom) { say("Mark the span's start first (i), then an end after it (e)."); return; }
  spanTo = t; spanShown(); say("The span ends at " + clock(t, 3) + ".");
}
function spanCleared() { spanFrom = spanTo = null; spanShown(); }
function loop() {
  isLooping = !isLooping; by("loop").setAttribute("aria-pressed", String(isLooping));
  say(!isLooping ? "The loop is off." : hasSpan() ? "The marked span repeats." : "The visible part repeats.");
}
function keepLoop(t) {
  if (!isLooping || video.paused || wanted !== null) return;
  const [a, b] = hasSpan() ? [spanFrom, spanTo] : loopView;
  if (t >= b - .01 || t < a - .5) seek(a);
}
let loopView = [0, length];
function drawSpan(height) {
  if (spanFrom === null) return;
  const a = xOf(spanFrom), b = xOf(spanTo === null ? spanFrom : spanTo);
  pen.globalAlpha = .18; pen.fillStyle = colours.accent; pen.fillRect(a, top, Math.max(2, b - a), height - foot - top); pen.globalAlpha = 1;
  pen.fillStyle = colours.accent; pen.fillRect(a, top, 2, height - foot - top); if (spanTo !== null) pen.fillRect(b - 1, top, 2, height - foot - top);
}
function equalize() {  // the louder source is turned down to the quieter one
  const levels = data.audio_levels || {}, known = Object.values(levels).filter((v) => v > 0), least_ = Math.min(...known);
  const volume = (name) => isEqual && levels[name] > 0 ? least_ / levels[name] : 1;
  video.volume = volume("result");
  for (const [name, other] of Object.entries(players)) other.volume = volume(name === "trial" ? "both" : name);
  by("equal").setAttribute("aria-pressed", String(isEqual));
}
function equal() { isEqual = !isEqual; equalize(); say(isEqual ? "All sources are equally loud." : "Each source has its own loudness."); }
function compareSources() {
  const names_ = Object.keys(data.audio), other = lastMode in data.audio || lastMode === "trial" && bench ? lastMode : names_[names_.length - 1];
  if (other === mode) { say("Choose another source first."); return; }
  if (!isEqual) { isEqual = true; equalize(); }
  chooseAudio(other); say("A/B at equal loudness: " + data.audio_messages[other]);
}

// --- the spectrogram of what is visible: the call above, the recording below; masked spans are silent, so they are plain
function spectrogram() {
  if (!bench) { say("The spectrogram needs the audio folder of an audit's report."); return; }
  hasSpectrogram = !hasSpectrogram; by("spectrogram").setAttribute("aria-pressed", String(hasSpectrogram)); by("spectrum").hidden = !hasSpectrogram;
  spectrogramKey = ""; keepSpectrogram();
}
function keepSpectrogram() {
  const key = from + " " + to + " " + width + (isTrying() ? JSON.stringify(tried) : "");
  if (!hasSpectrogram || key === spectrogramKey) return;
  spectrogramKey = key; clearTimeout(spectrogramTimer); spectrogramTimer = setTimeout(drawSpectrogram, 150);
}
async function drawSpectrogram() {
  const box = by("spectrum"), p = box.getContext("2d"), rowHigh = 80, high = 2 * rowHigh + 6, size_ = 256, key = spectrogramKey;
  box.width = width; box.height = high; box.style.height = high + "px";
  p.fillStyle = colours.lane; p.fillRect(0, 0, width, high); p.font = "12px system-ui, sans-serif";
  if (to - from > 60) { p.fillStyle = colours.ink; p.fillText("Zoom in to a minute or less for the spectrogram.", 8, 20); root.dataset.spectrogram = "far"; return; }
  let sides;
  try { sides = await bothSides(Math.max(0, from - .02), to + .02, isTrying() ? triedPieces : callPieces(bench.places[0].alignment)); } catch { p.fillStyle = colours.ink; p.fillText("The audio can't be read: keep the audio folder beside this page.", 8, 20); return; }
  if (key !== spectrogramKey) return;
  const hann = Float64Array.from({ length: size_ }, (_, k) => .5 - .5 * Math.cos(2 * Math.PI * k / size_)), wide = Math.floor(width), image = p.createImageData(wide, rowHigh), lead = Math.min(from, .02) * trialRate;
  sides.forEach((side, row) => {
    for (let x = 0; x < wide; x++) {
      const middle = Math.round(lead + x / wide * (to - from) * trialRate), re = new Float64Array(size_), im = new Float64Array(size_);
      for (let k = 0; k < size_; k++) re[k] = (side[middle - size_ / 2 + k] || 0) * hann[k];
      transform(re, im, false);
      for (let y = 0; y < rowHigh; y++) {
        const bin = Math.min(127, Math.floor((rowHigh - 1 - y) / rowHigh * 128)), db = 20 * Math.log10(Math.hypot(re[bin], im[bin]) / 64 + 1e-9), v = clamp((db + 75) / 65, 0, 1), at = 4 * (y * wide + x);
        image.data[at] = 255 * Math.min(1, 1.6 * v * v); image.data[at + 1] = 255 * v * v * v; image.data[at + 2] = 40 + 140 * Math.sqrt(v) * (1 - v); image.data[at + 3] = 255;
      }
    }
    p.putImageData(image, 0, row * (rowHigh + 6));
    p.fillStyle = "#fff"; p.fillText((row ? "Recording" : "Call") + ", 0 to 4 kHz", 8, row * (rowHigh + 6) + 15);
  });
  root.dataset.spectrogram = from.toFixed(3) + " " + to.toFixed(3);
}
by("speed").addEventListener("change", (e) => setSpeed(Number(e.target.value)));
