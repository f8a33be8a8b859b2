// The page's element and data, the state that all modules share, and its clock.

const element = (name) => root.querySelector('[data-kq="' + name + '"]');
const data = JSON.parse(element("data").textContent);
element("player").innerHTML = data.player;
const video = element("video");
const stage = element("stage");
const canvas = element("canvas");
const messageLine = element("message");
const slider = element("slider");
const durationS = data.length_s;
const shortestViewS = 0.005;
// Output time of the video's own time 0, and of the audio tracks'.
const videoStartS = data.video_start_s;
const audioStartS = data.audio_start_s;
const videoErrorText = data.video
  ? "The video can't be played: keep it beside this page, with the name " + decodeURIComponent(data.video) + "."
  : "The video in this page can't be played.";

// The visible part of the time axis, on the output clock.
let viewFrom = 0;
let viewTo = durationS;
let wholeEnvelope = null;
let detailEnvelopes = [];
let frameRequest = 0;
let drawnS = -1;
// The source that one listens to: a key of `data.audio`, or "trial".
let audioName = "result";
// The playhead's target until the video is there; null at other times.
let seekTarget = null;
let isMuted = false;
// All sources but the video's own sound.
const audioPlayers = {};
for (const [name, source] of Object.entries(data.audio)) {
  if (name === "result") continue;
  const audio = document.createElement("audio");
  audio.preload = "none";
  audio.src = source;
  audioPlayers[name] = audio;
}

// --- numbers
function clockText(s, digits) {
  const rounded = Math.round(Math.abs(s) * 10 ** digits) / 10 ** digits;
  const hours = String(Math.floor(rounded / 3600)).padStart(2, "0");
  const minutes = String(Math.floor(rounded / 60) % 60).padStart(2, "0");
  const seconds = (rounded % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return (s < 0 ? "-" : "") + hours + ":" + minutes + ":" + seconds;
}

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const playheadS = () => (seekTarget !== null ? seekTarget : clamp(video.currentTime + videoStartS, 0, durationS));

// A duration that isn't known yet counts as covered.
const videoCovers = (t) => t >= videoStartS - 0.001 && !(video.duration + videoStartS < t - 0.001);

// --- the message line
// The panel that one works in shows it too: the player may be scrolled away.
function announce(text) {
  messageLine.textContent = element("dock-text").textContent = text;
  for (const line of root.querySelectorAll(".panel [aria-hidden][data-kq$=message]")) {
    line.textContent = line.closest(".panel").contains(document.activeElement) ? text : "";
  }
}

// Start a player. A pause or another source before it starts is no failure of the file.
function play(player, failureText) {
  player.play().catch((error) => {
    if (error.name !== "AbortError") announce(failureText);
  });
}
