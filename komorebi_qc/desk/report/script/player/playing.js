// Playing: the video is the clock; another audio track follows it.
function follow() {
  // A seek to the current position may end without an event.
  if (wanted !== null && isCovered(wanted) && video.readyState && !video.seeking && (!video.paused || Math.abs(video.currentTime + videoAt - wanted) < .001)) wanted = null;
  const t = now();
  if (t !== drawnAt) {
    drawnAt = t;
    if (!video.paused && wanted === null && (t > to || t < from)) view(t, t + (to - from));
    by("clock").textContent = by("dock-clock").textContent = clock(t, 3);
    slider.value = String(t); slider.setAttribute("aria-valuetext", clock(t, 3));
    redraw();
  }
  keepUp(); keepTrial(t); showTurn(t); keepLoop(t); keepSpectrogram();
  requestAnimationFrame(follow);
}
const startOf = (name) => name === "trial" ? trialFrom : audioAt;  // output time of a track's own time 0
function keepUp() {  // the other track catches up by its speed, or by a seek if it is far off
  const other = players[mode];
  if (!other || video.paused || other.paused || other.seeking || video.seeking || other.readyState < 3) return;
  const late = video.currentTime + videoAt - startOf(mode) - other.currentTime;
  root.dataset.audioOffMs = (late * 1000).toFixed(1);
  if (Math.abs(late) > .25) other.currentTime += late;
  else {  // a visible lag is corrected within half a second, the rest inaudibly
    const most = Math.abs(late) > .03 ? .2 : .05;
    other.playbackRate = video.playbackRate * (Math.abs(late) > .008 ? 1 + clamp(late * (most > .1 ? 4 : 1), -most, most) : 1);
  }
}
function seek(s, around) {
  const t = clamp(s, 0, length);
  wanted = t;
  if (isCovered(t)) video.currentTime = t - videoAt;
  else { video.pause(); say(data.video ? "The video doesn't cover this moment." : "The excerpt in this page doesn't cover this moment."); }
  if (players[mode]) players[mode].currentTime = Math.max(0, t - startOf(mode));
  if (around && (t < from || t > to || to - from > around)) view(t - around / 2, t + around / 2);
  else if (t < from || t > to) view(t - (to - from) / 2, t + (to - from) / 2);
  redraw();
}
video.addEventListener("seeked", () => { if (wanted !== null && isCovered(wanted)) wanted = null; drawnAt = -1; });
video.addEventListener("loadedmetadata", () => { if (wanted !== null) seek(wanted); });
video.addEventListener("error", () => say(videoError));
const sync = () => { const other = players[mode]; if (!other) return; other.currentTime = Math.max(0, now() - startOf(mode)); other.playbackRate = video.playbackRate; if (video.paused) other.pause(); else other.play().catch(() => say("This audio track can't be played: keep the audio folder beside this page.")); };
for (const name of ["play", "pause", "ratechange"]) video.addEventListener(name, sync);
video.addEventListener("play", () => { by("play").textContent = by("dock-play").textContent = "Pause"; by("play").setAttribute("aria-pressed", "true"); });
video.addEventListener("pause", () => { by("play").textContent = by("dock-play").textContent = "Play"; by("play").setAttribute("aria-pressed", "false"); });
video.addEventListener("volumechange", () => { if (mode === "result" && video.muted !== muted) { muted = video.muted; by("mute").setAttribute("aria-pressed", String(muted)); } });
function mute() {
  muted = !muted; hush();
  by("mute").setAttribute("aria-pressed", String(muted)); say(muted ? "Muted." : data.audio_messages[mode]);
}
function hush() { video.muted = muted || mode !== "result"; for (const other of Object.values(players)) other.muted = muted; }
function chooseAudio(name) {
  if (!(name in data.audio) && !(name === "trial" && bench)) return;
  for (const other of Object.values(players)) other.pause();
  if (name !== mode) lastMode = mode;
  mode = name; hush();
  for (const button of root.querySelectorAll("[data-audio]")) button.setAttribute("aria-pressed", String(button.dataset.audio === name));
  if (name === "trial") hearTrial(); else sync();
  if (bench) placeShown();
  redraw(); say(data.audio_messages[name]);
}
for (const [name, other] of Object.entries(players)) other.addEventListener("playing", () => { root.dataset.playing = name; });
function say(text) { message.textContent = text; by("dock-text").textContent = text; }
const toggle = () => { if (video.paused && !isCovered(now())) { seek(videoAt, 4); } if (video.paused) video.play().catch(() => say(videoError)); else video.pause(); };
