// Buttons, keys, wheel and gestures.

const buttonActions = {
  play: togglePlay,
  next: () => stepMoment(1),
  before: () => stepMoment(-1),
  back: () => seek(playheadS() - 0.01),
  on: () => seek(playheadS() + 0.01),
  copy: copyLink,
  mute: toggleMute,
  output: toggleOutputLane,
  wider: () => zoom(2),
  closer: () => zoom(0.5),
  all: () => setView(0, durationS),
  captions: toggleCaptions,
  loop: toggleLoop,
  equal: toggleEqualLoudness,
  ab: compareAB,
  spectrogram: toggleSpectrogram,
  "span-from": markStart,
  "span-to": markEnd,
  "span-none": clearMarkedSpan,
  "add-note": addNote,
  "save-notes": saveNotes,
  "dock-play": togglePlay,
  "dock-show": showPlayer,
};
const keyActions = {
  " ": togglePlay,
  k: togglePlay,
  ArrowLeft: () => seek(playheadS() - (viewTo - viewFrom) / 20),
  ArrowRight: () => seek(playheadS() + (viewTo - viewFrom) / 20),
  ",": () => seek(playheadS() - 0.01),
  ".": () => seek(playheadS() + 0.01),
  n: () => stepMoment(1),
  p: () => stepMoment(-1),
  "+": () => zoom(0.5),
  "=": () => zoom(0.5),
  "-": () => zoom(2),
  0: () => setView(0, durationS),
  Home: () => seek(0),
  End: () => seek(durationS),
  c: copyLink,
  m: toggleMute,
  o: toggleOutputLane,
  "/": openSearch,
  t: toggleCaptions,
  "<": () => stepSpeed(-1),
  ">": () => stepSpeed(1),
  i: markStart,
  e: markEnd,
  l: toggleLoop,
  x: compareAB,
  g: toggleSpectrogram,
  w: openNotePanel,
  "?": toggleHelp,
  "[": () => nudgeCall(-0.001),
  "]": () => nudgeCall(0.001),
  "{": () => nudgeCall(-0.01),
  "}": () => nudgeCall(0.01),
  "(": () => nudgeCall(-0.1),
  ")": () => nudgeCall(0.1),
};
Object.keys(data.audio).forEach((name, i) => {
  keyActions[String(i + 1)] = () => chooseAudio(name);
});

function showPlayer() {
  element("play").scrollIntoView({ block: "center" });
  element("play").focus({ preventScroll: true });
}

// The map of marks and keys, over the page, so that nothing scrolls; the same key closes it.
let focusedBeforeHelp = null;

function toggleHelp() {
  const help = root.querySelector("details.help");
  const isShown = help.open && help.classList.contains("over");
  help.classList.toggle("over", !isShown);
  help.open = !isShown;
  if (isShown) {
    if (focusedBeforeHelp) focusedBeforeHelp.focus({ preventScroll: true });
    return;
  }
  focusedBeforeHelp = document.activeElement;
  help.querySelector("summary").focus({ preventScroll: true });
}

// Folded, it goes back to its place in the page.
root.querySelector("details.help").addEventListener("toggle", (e) => {
  if (!e.target.open) e.target.classList.remove("over");
});

function toggleOutputLane() {
  const button = element("output");
  if (button.hidden) {
    announce("No unified recording was written, so it has no waveform.");
    return;
  }
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  resize();
}

// --- buttons and links
root.addEventListener("click", (e) => {
  const link = e.target.closest("a[data-at]");
  if (link) {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    followLink(link);
    return;
  }
  const button = e.target.closest("button");
  if (!button) return;
  const act = buttonActions[button.dataset.kq];
  if (act) act();
  else if (button.dataset.audio) chooseAudio(button.dataset.audio);
  else if (button.dataset.omitted) playLeftOut(Number(button.dataset.omitted));
});
slider.addEventListener("input", () => seek(parseFloat(slider.value)));
element("gain").addEventListener("change", (e) => {
  gainChoice = e.target.value;
  redraw();
});
element("speed").addEventListener("change", (e) => setSpeed(Number(e.target.value)));

// --- keys: everywhere in a page of its own, only inside the report in a notebook
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
  const on = e.target;
  if (!root.contains(on) && !(data.alone && on === document.body)) return;
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(on.tagName) || on.isContentEditable;
  if (isTyping && on !== slider) return;
  if (on === slider && /^(Arrow|Home|End)/.test(e.key)) return;
  if (e.key === " " && /^(BUTTON|SUMMARY|VIDEO|AUDIO)$/.test(on.tagName)) return;
  const act = keyActions[e.key];
  if (!act) return;
  e.preventDefault();
  act();
});

// --- the wheel: up and down scrolls the page until one has clicked the waveforms
function turnWheel(e) {
  const isSideways = e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY);
  if (!e.ctrlKey && !isSideways && document.activeElement !== stage) return;
  e.preventDefault();
  if (isSideways) {
    const moved = ((e.deltaX || e.deltaY) / stageWidth) * (viewTo - viewFrom);
    setView(viewFrom + moved, viewTo + moved);
  } else {
    const at = timeAt(e.clientX - canvas.getBoundingClientRect().left);
    zoom(Math.exp(clamp(e.deltaY, -300, 300) / 300), at);
  }
}
stage.addEventListener("wheel", turnWheel, { passive: false });

// --- gestures: a click goes there, one pointer pans or drags the call, two zoom
const pointers = new Map();
let gesture = null;

function beginGesture(e) {
  stage.setPointerCapture(e.pointerId);
  pointers.set(e.pointerId, e.clientX);
  const y = e.clientY - canvas.getBoundingClientRect().top;
  const places = [...pointers.values()];
  gesture = {
    x: e.clientX,
    from: viewFrom,
    to: viewTo,
    hasMoved: pointers.size > 1,
    pinchWidth: places.length === 2 ? Math.abs(places[0] - places[1]) : null,
    placeBefore: isCallDrag(y) && pointers.size === 1 ? structuredClone(triedPlace) : null,
  };
}

function moveGesture(e) {
  if (!pointers.has(e.pointerId) || !gesture) return;
  pointers.set(e.pointerId, e.clientX);
  if (pointers.size === 2 && gesture.pinchWidth) {
    pinch(gesture, ...pointers.values());
    return;
  }
  if (Math.abs(e.clientX - gesture.x) > 3) gesture.hasMoved = true;
  if (!gesture.hasMoved) return;
  const moved = ((e.clientX - gesture.x) / stageWidth) * (gesture.to - gesture.from);
  if (gesture.placeBefore) dragCall(gesture.placeBefore, moved);
  else setView(gesture.from - moved, gesture.to - moved);
}

function pinch(begun, a, b) {
  const middle = timeAt((a + b) / 2 - canvas.getBoundingClientRect().left);
  const span = (begun.to - begun.from) * (begun.pinchWidth / Math.max(8, Math.abs(a - b)));
  setView(middle - span / 2, middle + span / 2);
  begun.hasMoved = true;
}

function endGesture(e) {
  if (!pointers.delete(e.pointerId) || !gesture) return;
  if (gesture.placeBefore && gesture.hasMoved) playTrial();
  if (!gesture.hasMoved && e.type === "pointerup" && !pointers.size) clickAt(e);
  if (!pointers.size) {
    gesture = null;
    return;
  }
  // The finger that stays pans on from here.
  const [x] = pointers.values();
  gesture = { x, from: viewFrom, to: viewTo, hasMoved: true, pinchWidth: null, placeBefore: null };
}

function clickAt(e) {
  const box = canvas.getBoundingClientRect();
  const n = leftOutAt(e.clientX - box.left, e.clientY - box.top);
  if (n >= 0) playLeftOut(n);
  else seek(timeAt(e.clientX - box.left));
}
stage.addEventListener("pointerdown", beginGesture);
stage.addEventListener("pointermove", moveGesture);
// A capture can end without the pointer's own end, such as by a dialog.
for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(name, endGesture);

// --- the short player at the lower edge, while the player is scrolled away
// A busy page delivers several observations at once; the last is true.
new IntersectionObserver((seen) => {
  element("dock").hidden = seen.at(-1).isIntersecting || !root.classList.contains("live");
}).observe(stage);

// --- on paper all findings are open
let openedForPrint = [];
window.addEventListener("beforeprint", () => {
  openedForPrint = [...root.querySelectorAll("details.passing:not([open])")];
  for (const folded of openedForPrint) folded.open = true;
});
window.addEventListener("afterprint", () => {
  for (const folded of openedForPrint) folded.open = false;
  openedForPrint = [];
});
