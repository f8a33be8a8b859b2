"use strict";
// A softphone extension's recorder, for `make_captures.py`: microphone and far end through one mixing graph into one
// MediaRecorder, beside the picture of `capture.html`'s agent desktop. `plan` has the fields of capture.html and
//   name        the address below which chunks and log are uploaded
//   picture     "tab" | "screen" (getDisplayMedia) | "canvas" (captureStream)
//   microphone  "device", "file" (getUserMedia) | "graph" (a second AudioContext is the headset and plays the microphone's file)
//   far         "direct" | "rtc" (the far end comes through an RTCPeerConnection on this machine)
//   headset_hz, mixer_hz   the sample rates of the two contexts; null is the browser's own
//   timeslice   of MediaRecorder.start(), in ms; 0: one chunk at the end
//   events      [{at, do, ...}]: at is in seconds of the microphone's file
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const softphone = { log: { events: [] }, files: [], error: null };

/** Resolves at the first sample that isn't zero (the microphone's file begins with a faint noise). */
async function firstSample(node) {
  const analyser = node.context.createAnalyser();
  const samples = new Float32Array(analyser.fftSize = 256);
  node.connect(analyser);
  const until = performance.now() + 15000;
  for (;;) {
    analyser.getFloatTimeDomainData(samples);
    if (samples.some((x) => x !== 0)) break;
    if (performance.now() > until) throw new Error("the microphone stays silent");
    await wait(4);
  }
  const now = performance.now();
  analyser.disconnect();
  return now;
}

/** Both files of the call, played by one headset from `offset` seconds on. The context that plays is the device. */
class Headset {
  constructor(rate, sides) {
    this.context = new AudioContext(rate ? { sampleRate: rate } : {});
    this.sides = sides;
    this.sources = [];
  }
  async play(sounds, offset) {
    const buffers = {};
    for (const side of this.sides) buffers[side] = await this.context.decodeAudioData(sounds[side].slice(0));
    await this.context.resume();
    const outputs = {};
    const begin = this.context.currentTime + 0.15;
    // The clock that the page goes by: when the file's second 0 is played, as performance.now() counts
    this.zero = performance.now() + 150 - (typeof offset === "function" ? (offset = offset(150)) : offset) * 1000;
    for (const side of this.sides) {
      const source = this.context.createBufferSource();
      const out = this.context.createMediaStreamDestination();
      source.buffer = buffers[side];
      source.connect(out);
      if (side === "far") source.connect(this.context.destination);
      source.start(begin, offset);
      this.sources.push(source);
      outputs[side] = out.stream;
    }
    return outputs;
  }
  async close() {
    this.sources.forEach((s) => s.stop());
    await this.context.close();
  }
}

/** The stream, after a way through WebRTC's encoder, jitter buffer and decoder. */
async function throughRtc(stream) {
  const [near, remote] = [new RTCPeerConnection(), new RTCPeerConnection()];
  near.onicecandidate = (e) => e.candidate && remote.addIceCandidate(e.candidate);
  remote.onicecandidate = (e) => e.candidate && near.addIceCandidate(e.candidate);
  const arrived = new Promise((r) => { remote.ontrack = (e) => r(e.streams[0]); });
  stream.getTracks().forEach((t) => near.addTrack(t, stream));
  await near.setLocalDescription(await near.createOffer());
  await remote.setRemoteDescription(near.localDescription);
  await remote.setLocalDescription(await remote.createAnswer());
  await near.setRemoteDescription(remote.localDescription);
  const out = await arrived;
  const pump = new Audio();  // Chromium decodes a remote stream only if an element plays it
  pump.srcObject = out;
  pump.muted = true;
  await pump.play();
  softphone.peers = [near, remote, pump];
  return out;
}

function canvasPicture() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [innerWidth, innerHeight];
  const g = canvas.getContext("2d");
  setInterval(() => {
    const line = (text, y, size, fill) => { g.fillStyle = fill; g.font = `${size}px Arial`; g.fillText(text, 16, y); };
    g.fillStyle = { "": "#5c6b7a", call: "#1b7f3b", acw: "#c25e00" }[el("state").className] || "#5c6b7a";
    g.fillRect(0, 0, canvas.width, canvas.height);
    line(el("label").textContent, 44, 24, "#fff");
    line(el("timer").textContent, 90, 36, "#fff");
    [...el("captions").children].forEach((c, i) => line(c.innerText.replace("\n", ": "), 130 + 26 * i, 15, "#fff"));
    line(el("notes").textContent.split("\n").pop(), canvas.height - 24, 15, "#fff");
  }, 1000 / plan.fps);
  return canvas.captureStream(plan.fps).getVideoTracks()[0];
}

async function displayPicture() {
  const tab = plan.picture === "tab";
  const screen = await navigator.mediaDevices.getDisplayMedia({
    video: { frameRate: { max: plan.fps }, ...(tab ? { displaySurface: "browser" } : {}) }, audio: false,
    ...(tab ? { preferCurrentTab: true, selfBrowserSurface: "include" } : {}) });
  const track = screen.getVideoTracks()[0];
  track.contentHint = "detail";
  return track;
}

function recorderOf(stream) {
  const chunks = [];
  const recorder = new MediaRecorder(stream, { ...(plan.mime ? { mimeType: plan.mime } : {}),
    videoBitsPerSecond: plan.videoBits, audioBitsPerSecond: plan.audioBits });
  const stopped = new Promise((r) => { recorder.onstop = r; });
  recorder.ondataavailable = (e) => { if (e.data.size) chunks.push(e.data); };
  recorder.onerror = (e) => { softphone.error = String(e.error || e); };
  if (plan.timeslice) recorder.start(plan.timeslice); else recorder.start();
  const began = performance.now();
  const one = { chunks, recorder, stopped, began };
  softphone.files.push(one);
  return one;
}

async function run() {
  const sounds = {};
  for (const side of ["microphone", "far"])
    sounds[side] = await (await fetch(`${plan.name}/${side}.wav`)).arrayBuffer();
  const picture = plan.picture === "canvas" ? canvasPicture() : await displayPicture();
  const mixer = new AudioContext(plan.mixer_hz ? { sampleRate: plan.mixer_hz } : {});
  await mixer.resume();
  const mixed = mixer.createMediaStreamDestination();
  const inputs = [];
  const connect = (stream) => {
    const node = mixer.createMediaStreamSource(stream);
    node.connect(mixed);
    inputs.push(node);
  };
  const attach = async (streams) => {
    if (streams.microphone) connect(streams.microphone);
    connect(plan.far === "rtc" ? await throughRtc(streams.far) : streams.far);
  };
  // The recorder runs before the headset plays, so that the recording holds all of the file
  const stream = new MediaStream([picture, ...mixed.stream.getAudioTracks()]);
  const start = () => { current = recorderOf(stream); };
  let current, headset, t0;
  const begun = () => fetch(`${plan.name}/begun`, { method: "PUT", body: "1" });
  if (plan.microphone !== "graph") {
    const microphone = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    connect(microphone);
    start();
    await begun();  // from here on the sound server plays the microphone's file
    t0 = await firstSample(inputs[0]);
    headset = new Headset(plan.headset_hz, ["far"]);
    await attach(await headset.play(sounds, (ahead) => (performance.now() + ahead - t0) / 1000));
  } else {
    start();
    await begun();
    headset = new Headset(plan.headset_hz, ["microphone", "far"]);
    await attach(await headset.play(sounds, 0));
    t0 = headset.zero;
  }
  const now = () => (performance.now() - t0) / 1000;
  const ticker = setInterval(() => draw(now()), 20);
  const actions = {
    pause: () => current.recorder.pause(),
    resume: () => current.recorder.resume(),
    silence: () => mixer.suspend(),
    sound: () => mixer.resume(),
    block: (e) => { const until = performance.now() + e.s * 1000; while (performance.now() < until); },
    restart: async () => { current.recorder.stop(); await current.stopped; start(); },
    device: async (e) => {  // another headset: its own rate, its own context, and a moment without any sound
      await headset.close();
      inputs.splice(0).forEach((n) => n.disconnect());
      await wait(e.gap_s * 1000);
      headset = new Headset(e.rate, headset.sides);
      await attach(await headset.play(sounds, (ahead) => now() + ahead / 1000));
    },
  };
  for (const event of plan.events) {
    await wait(Math.max(0, (event.at - now()) * 1000));
    softphone.log.events.push({ do: event.do, at: now() });
    await actions[event.do](event);
  }
  await wait(Math.max(0, (plan.lead_s + plan.call_s + plan.acw_s - now()) * 1000));
  current.recorder.stop();
  await current.stopped;
  clearInterval(ticker);
  Object.assign(softphone.log, { mime: current.recorder.mimeType, mixer_hz: mixer.sampleRate,
    headset_hz: headset.context.sampleRate, hidden: document.hidden, agent: navigator.userAgent,
    durations_ms: softphone.files.map((f, i, all) => (all[i + 1]?.began ?? performance.now()) - f.began) });
}

/** Runs the plan, then uploads every chunk and the log; never fails, for the log has the error. */
async function perform(p) {
  plan = p;
  const put = (path, body) => fetch(`${plan.name}/${path}`, { method: "PUT", body });
  try {
    if (plan.mime && !MediaRecorder.isTypeSupported(plan.mime)) throw new Error(`no support for ${plan.mime}`);
    draw(0);
    await run();
    for (const [i, file] of softphone.files.entries())
      for (const [j, chunk] of file.chunks.entries()) await put(`chunk-${i}-${j}`, chunk);
  } catch (error) {
    softphone.error = String(error && error.stack || error);
  }
  await put("log", JSON.stringify({ ...softphone.log, error: softphone.error,
    chunks: softphone.files.map((f) => f.chunks.length) }));
}
