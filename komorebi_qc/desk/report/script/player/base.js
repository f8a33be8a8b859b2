// The page's element and data, its state, and its clock.
const by = (name) => root.querySelector('[data-kq="' + name + '"]');
const data = JSON.parse(by("data").textContent);
by("player").innerHTML = data.player;
const video = by("video"), stage = by("stage"), canvas = by("canvas"), message = by("message"), slider = by("slider");
const length = data.length_s, least = 0.005, videoAt = data.video_start_s, audioAt = data.audio_start_s;
const videoError = data.video ? "The video can't be played: keep it beside this page, with the name " + decodeURIComponent(data.video) + "." : "The video in this page can't be played.";
let from = 0, to = length, tracks = null, details = [], frame = 0, drawnAt = -1, mode = "result", wanted = null, muted = false;
const players = {};
for (const [name, source] of Object.entries(data.audio)) {
  if (name === "result") continue;
  const audio = document.createElement("audio");
  audio.preload = "none"; audio.src = source; players[name] = audio;
}

// --- numbers
const clock = (s, digits) => {
  const sign = s < 0 ? "-" : "", ms = Math.round(Math.abs(s) * 10 ** digits) / 10 ** digits;
  const h = Math.floor(ms / 3600), m = Math.floor(ms / 60) % 60, rest = (ms % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return sign + String(h).padStart(2, "0") + ":" + String(m).padStart(2, "0") + ":" + rest;
};
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const now = () => wanted !== null ? wanted : clamp(video.currentTime + videoAt, 0, length);
const isCovered = (t) => t >= videoAt - .001 && !(video.duration + videoAt < t - .001);  // a duration that isn't known yet counts as covered
