// Playing: the video is the clock; another audio track follows it.

const NO_TRACK = "This audio track can't be played: keep the audio folder beside this page.";

// Runs once a frame of the screen.
function everyFrame() {
  settleSeek();
  const t = playheadS();
  if (t !== drawnS) {
    drawnS = t;
    if (!video.paused && !gesture && seekTarget === null && (t > viewTo || t < viewFrom))
      setView(t, t + (viewTo - viewFrom));
    element("clock").textContent = element("dock-clock").textContent = clockText(t, 3);
    slider.value = String(t);
    slider.setAttribute("aria-valuetext", clockText(t, 3));
    redraw();
  }
  followVideo();
  refreshTrial(t);
  showPresentTurn(t);
  applyLoop(t);
  updateSpectrogram();
  requestAnimationFrame(everyFrame);
}

// A seek to the current position may end without an event.
function settleSeek() {
  if (seekTarget === null || !videoCovers(seekTarget) || !video.readyState || video.seeking) return;
  if (!video.paused || Math.abs(video.currentTime + videoStartS - seekTarget) < 0.001) seekTarget = null;
}

// Output time of a track's own time 0.
function trackStartS(name) {
  return name === "trial" ? trialFrom : audioStartS;
}

// The other track catches up by its speed, or by a seek if it is far off.
function followVideo() {
  const other = audioPlayers[audioName];
  if (!other || video.paused || other.paused || other.seeking || video.seeking || other.readyState < 3) return;
  const late = video.currentTime + videoStartS - trackStartS(audioName) - other.currentTime;
  root.dataset.audioOffMs = (late * 1000).toFixed(1);
  if (Math.abs(late) > 0.25) {
    other.currentTime += late;
    return;
  }
  // A visible lag is corrected within half a second, the rest inaudibly.
  const isVisible = Math.abs(late) > 0.03;
  const most = isVisible ? 0.2 : 0.05;
  const change = Math.abs(late) > 0.008 ? clamp(late * (isVisible ? 4 : 1), -most, most) : 0;
  other.playbackRate = video.playbackRate * (1 + change);
}

// Go to a moment of the output. If the view doesn't have it, or shows more than `around` seconds, the view moves.
function seek(s, around) {
  const t = clamp(s, 0, durationS);
  seekTarget = t;
  if (videoCovers(t)) video.currentTime = t - videoStartS;
  else {
    video.pause();
    announce(
      data.video ? "The video doesn't cover this moment." : "The excerpt in this page doesn't cover this moment.",
    );
  }
  const other = audioPlayers[audioName];
  if (other) other.currentTime = Math.max(0, t - trackStartS(audioName));
  const shownS = viewTo - viewFrom;
  const isOutside = t < viewFrom || t > viewTo;
  if (around && (isOutside || shownS > around)) setView(t - around / 2, t + around / 2);
  else if (isOutside) setView(t - shownS / 2, t + shownS / 2);
  redraw();
}

// Bring the chosen track to the playhead, playing or paused like the video.
function alignAudio() {
  const other = audioPlayers[audioName];
  if (!other) return;
  other.currentTime = Math.max(0, playheadS() - trackStartS(audioName));
  other.playbackRate = video.playbackRate;
  if (video.paused) other.pause();
  else play(other, NO_TRACK);
}

function chooseAudio(name) {
  if (!Object.hasOwn(data.audio, name) && !(name === "trial" && trial)) return;
  for (const other of Object.values(audioPlayers)) other.pause();
  if (name !== audioName) previousAudio = audioName;
  audioName = name;
  applyMute();
  for (const button of root.querySelectorAll("[data-audio]")) {
    button.setAttribute("aria-pressed", String(button.dataset.audio === name));
  }
  announce(data.audio_messages[name]);
  if (name === "trial") playTrial();
  else alignAudio();
  if (trial) showTrial();
  redraw();
}

function togglePlay() {
  if (!video.paused) {
    video.pause();
    return;
  }
  if (!videoCovers(playheadS())) seek(videoStartS, 4);
  play(video, videoErrorText);
}

function toggleMute() {
  isMuted = !isMuted;
  applyMute();
  element("mute").setAttribute("aria-pressed", String(isMuted));
  announce(isMuted ? "Muted." : data.audio_messages[audioName]);
}

function applyMute() {
  video.muted = isMuted || audioName !== "result";
  for (const other of Object.values(audioPlayers)) other.muted = isMuted;
}

// A page that was sent alone lacks the files beside it.
function showVideoError() {
  announce(videoErrorText);
  element("alone").hidden = !data.video;
}

// Events can come late, and several at once: each listener reads the player's present state.
function showPlaying() {
  const isPlaying = !video.paused;
  element("play").textContent = element("dock-play").textContent = isPlaying ? "Pause" : "Play";
  element("play").setAttribute("aria-pressed", String(isPlaying));
}

for (const name of ["play", "pause"]) video.addEventListener(name, showPlaying);
for (const name of ["play", "pause", "ratechange"]) video.addEventListener(name, alignAudio);
video.addEventListener("seeked", () => {
  drawnS = -1;
  // If another seek began meanwhile, its target stays.
  if (seekTarget !== null && !video.seeking && videoCovers(seekTarget)) seekTarget = null;
});
video.addEventListener("loadedmetadata", () => {
  if (seekTarget !== null) seek(seekTarget);
});
video.addEventListener("error", showVideoError);
video.addEventListener("volumechange", () => {
  // The video's own controls can mute it too.
  if (audioName !== "result" || video.muted === isMuted) return;
  isMuted = video.muted;
  element("mute").setAttribute("aria-pressed", String(isMuted));
});
for (const [name, other] of Object.entries(audioPlayers)) {
  other.addEventListener("playing", () => {
    root.dataset.playing = name;
  });
}
