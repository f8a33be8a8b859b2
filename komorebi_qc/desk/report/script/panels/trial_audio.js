// The sound of a tried place: chunks of both files, mixed anew for each place.

const sampleRate = 8000;
const chunkS = 30;
const MOST_CHUNKS = 60;
// Waits for the frame, and for its first message after it has loaded.
const FRAME_MS = 10000;
const LOADED_MS = 3000;
const NO_AUDIO = "The audio of other places can't be read: keep the audio folder beside this page.";

// Chunks by "track number": promises of their channels, or of null for silence.
const chunks = new Map();
// Those that the frame was asked for: the functions that take the answer.
const pendingChunks = new Map();
let audioFrame = null;
// The span of the output that the player `trial` has; it changes with the player's file.
let trialFrom = 0;
let trialTo = 0;
// The span that was asked for last. Each request has a number: only the newest one may change the player.
let requestedFrom = 0;
let requestedTo = 0;
let trialRequest = 0;
let trialUrl = "";
if (trial) {
  audioPlayers.trial = document.createElement("audio");
  audioPlayers.trial.preload = "auto";
}

// --- the frame that holds the chunks: a page that was opened as a file may not read another file
function openAudioFrame() {
  audioFrame =
    audioFrame ||
    new Promise((resolve, reject) => {
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "Audio of the trial";
      frame.setAttribute("sandbox", "allow-scripts");
      frame.src = trial.audio;
      const giveUp = () => {
        frame.remove();
        audioFrame = null;
        reject(new Error(NO_AUDIO));
      };
      let timer = setTimeout(giveUp, FRAME_MS);
      // A missing file loads as well, as the browser's own page.
      frame.addEventListener("load", () => {
        if (isReady) return;
        clearTimeout(timer);
        timer = setTimeout(giveUp, LOADED_MS);
      });
      let isReady = false;
      window.addEventListener("message", (e) => {
        if (e.source !== frame.contentWindow || !e.data) return;
        if (e.data.trial === "ready") {
          isReady = true;
          clearTimeout(timer);
          resolve(frame.contentWindow);
        } else if (Array.isArray(e.data.trial)) takeChunk(e.data.trial.join(" "), String(e.data.chunk));
      });
      root.append(frame);
    });
  return audioFrame;
}

function takeChunk(key, text) {
  for (const resolve of pendingChunks.get(key) || []) resolve(text);
  pendingChunks.delete(key);
}

async function fetchChunk(name, n) {
  const frame = await openAudioFrame();
  const key = name + " " + n;
  const text = await new Promise((resolve) => {
    pendingChunks.set(key, [...(pendingChunks.get(key) || []), resolve]);
    frame.postMessage([name, n], "*");
  });
  if (!text) return null;
  const file = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const sound = await new OfflineAudioContext(1, 1, sampleRate).decodeAudioData(file);
  return Array.from({ length: sound.numberOfChannels }, (_, k) => sound.getChannelData(k));
}

function cachedChunk(name, n) {
  const key = name + " " + n;
  if (!chunks.has(key)) {
    const chunk = fetchChunk(name, n);
    chunks.set(key, chunk);
    // After a failure the next request tries again.
    chunk.catch(() => {
      if (chunks.get(key) === chunk) chunks.delete(key);
    });
    if (chunks.size > MOST_CHUNKS) chunks.delete(chunks.keys().next().value);
  }
  return chunks.get(key);
}

// --- the mix
// Samples [first, last) of `out`, from a file's time s on, at `rate` output seconds a second of the file.
async function resampleInto(out, first, last, name, s, rate) {
  const start = s * sampleRate;
  const end = start + (last - first) / rate;
  const size = chunkS * sampleRate;
  const loaded = [];
  for (let n = Math.max(0, Math.floor(start / size)); n * size <= end; n++) loaded[n] = await cachedChunk(name, n);
  for (let i = first; i < last; i++) {
    const x = start + (i - first) / rate;
    const n = Math.floor(x / size);
    const channels = x < 0 ? null : loaded[n];
    if (channels) out[i] = interpolated(channels, x - n * size);
  }
}

// The mean of all channels between two samples; 0 after the last one.
function interpolated(channels, x) {
  const k = Math.floor(x);
  const share = x - k;
  let sum = 0;
  for (const samples of channels) {
    const a = k < samples.length ? samples[k] : 0;
    const b = k + 1 < samples.length ? samples[k + 1] : a;
    sum += a + share * (b - a);
  }
  return sum / channels.length;
}

// The call at a place (left) and the recording (right), from output time a to b.
async function renderSides(a, b, pieces = triedPieces) {
  const count = Math.round((b - a) * sampleRate);
  const left = new Float32Array(count);
  const right = new Float32Array(count);
  const sampleAt = (t) => clamp(Math.round((t - a) * sampleRate), 0, count);
  for (const piece of pieces) {
    const first = sampleAt(piece.from);
    const last = sampleAt(piece.to);
    if (last <= first) continue;
    await resampleInto(left, first, last, "call", callTimeAt(piece, a + first / sampleRate), piece.rate);
  }
  await resampleInto(right, 0, count, "recording", a - trial.shift_s, 1);
  for (const [from, to] of maskedSpans(pieces)) {
    left.fill(0, sampleAt(from), sampleAt(to));
    right.fill(0, sampleAt(from), sampleAt(to));
  }
  return [left, right];
}

// Masked spans on the output clock: those of the page, and those of the call where the call is tried now.
function maskedSpans(pieces) {
  const spans = data.spans.filter((span) => span.kind === "masked").map((span) => [span.from_s, span.to_s]);
  for (const [callFrom, callTo] of trial.masked) {
    for (const piece of pieces) {
      const from = Math.max(callFrom, piece.call);
      const to = Math.min(callTo, callTimeAt(piece, piece.to));
      if (to > from) spans.push([outputTimeAt(piece, from), outputTimeAt(piece, to)]);
    }
  }
  return spans;
}

// A WAV file of 16 bits.
function wavBlob(sides) {
  const bytesAFrame = 2 * sides.length;
  const size = bytesAFrame * sides[0].length;
  const file = new DataView(new ArrayBuffer(44 + size));
  const text = (at, s) => [...s].forEach((c, k) => file.setUint8(at + k, c.charCodeAt(0)));
  text(0, "RIFF");
  file.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true); // PCM
  file.setUint16(22, sides.length, true);
  file.setUint32(24, sampleRate, true);
  file.setUint32(28, sampleRate * bytesAFrame, true);
  file.setUint16(32, bytesAFrame, true);
  file.setUint16(34, 16, true);
  text(36, "data");
  file.setUint32(40, size, true);
  sides.forEach((side, k) => {
    side.forEach((v, i) => {
      file.setInt16(44 + bytesAFrame * i + 2 * k, clamp(Math.round(v * 32767), -32768, 32767), true);
    });
  });
  return new Blob([file], { type: "audio/wav" });
}

// --- the player
// Play the tried place around the playhead. The player's own speed and mute hold for it too.
async function playTrial() {
  const request = ++trialRequest;
  const t = playheadS();
  const began = performance.now();
  requestedFrom = Math.max(0, t - 8);
  requestedTo = Math.min(durationS, t + 40);
  const [from, to] = [requestedFrom, requestedTo];
  let sides;
  try {
    sides = await renderSides(from, to);
  } catch {
    if (request === trialRequest) showNoTrialAudio();
    return;
  }
  // A slower, older request may end after a newer one.
  if (request !== trialRequest) return;
  const audio = audioPlayers.trial;
  URL.revokeObjectURL(trialUrl);
  trialUrl = URL.createObjectURL(wavBlob(sides));
  audio.src = trialUrl;
  [trialFrom, trialTo] = [from, to];
  audio.onloadedmetadata = () => {
    if (request !== trialRequest) return;
    alignAudio();
    root.dataset.trialMs = (performance.now() - began).toFixed(1);
  };
}

function showNoTrialAudio() {
  announce(NO_AUDIO);
  element("meter-text").textContent = NO_AUDIO;
}

// Before the playhead leaves the rendered span, the next one is rendered.
function refreshTrial(t) {
  if (!isTrial()) return;
  if (t < requestedFrom || (t > requestedTo - 4 && requestedTo < durationS - 0.01)) playTrial();
}
