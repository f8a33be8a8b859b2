// Moving the call by hand: places to try, nudges, jumps, and the correction to save.

let isDragOn = false;
// The jump that the nudges change; -1 for the whole call.
let chosenJump = -1;
// The desk's version of correction.json; null without a desk.
let correctionVersion = null;
const signedText = (s, digits) => (s < 0 ? "\u2212" : "+") + Math.abs(s).toFixed(digits);

// By the file system's dialog if the browser has one, else as a download.
async function saveFile(name, text) {
  if (window.showSaveFilePicker) {
    try {
      const handle = await window.showSaveFilePicker({
        suggestedName: name,
        types: [{ accept: { "application/json": [".json"] } }],
      });
      const file = await handle.createWritable();
      await file.write(text);
      await file.close();
      return true;
    } catch (error) {
      if (error && error.name === "AbortError") return false;
    }
  }
  const link = document.createElement("a");
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.href = url;
  link.download = name;
  root.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  return true;
}

function nudgeCall(s) {
  if (!trial) {
    announce(data.no_trial);
    return;
  }
  const moved = signedText(s * 1000, Math.abs(s) < 0.001 ? 1 : 0) + " ms";
  tryPlace(movedPlace(triedPlace, s), "Moved by " + moved + ". Left: call audio. Right: agent recording.");
}

// The place with the whole call, or all after the chosen jump, `s` seconds later.
function movedPlace(place, s) {
  const changed = structuredClone(place);
  const jump = changed.jumps[chosenJump];
  if (jump) jump.size_s = round6(jump.size_s + s);
  else changed.offset_s = round6(changed.offset_s + s);
  return changed;
}

function addJump() {
  const c = playheadCallS();
  if (c === null || c <= 0 || c >= trial.call_s) {
    announce("The playhead isn't in the call: a jump needs a moment of the call.");
    return;
  }
  const changed = structuredClone(triedPlace);
  const at = round6(c);
  if (changed.jumps.some((j) => Math.abs(j.call_s - at) < 0.001)) {
    announce("There is a jump at this moment already.");
    return;
  }
  changed.jumps.push({ call_s: at, size_s: 0 });
  changed.jumps.sort((a, b) => a.call_s - b.call_s);
  chosenJump = changed.jumps.findIndex((j) => j.call_s === at);
  tryPlace(changed, "A jump was added. The nudges now move all that follows it.");
}

function moveJump() {
  const c = playheadCallS();
  if (chosenJump < 0 || c === null) {
    announce("Choose a jump, and put the playhead into the call.");
    return;
  }
  const changed = structuredClone(triedPlace);
  const one = changed.jumps[chosenJump];
  one.call_s = round6(c);
  changed.jumps.sort((a, b) => a.call_s - b.call_s);
  chosenJump = changed.jumps.indexOf(one);
  tryPlace(changed, "The jump is now at " + clockText(c, 3) + " of the call.");
}

function removeJump() {
  if (chosenJump < 0) {
    announce("Choose a jump first.");
    return;
  }
  const changed = structuredClone(triedPlace);
  changed.jumps.splice(chosenJump, 1);
  chosenJump = -1;
  tryPlace(changed, "The jump was removed.");
}

function showTrial() {
  if (chosenJump >= triedPlace.jumps.length) chosenJump = -1;
  element("tried").textContent = triedText();
  for (const button of root.querySelectorAll("[data-place]")) {
    const isPlayed = isTrial() && isSamePlace(trial.places[button.dataset.place].alignment, triedPlace);
    button.setAttribute("aria-pressed", String(isPlayed));
  }
  const jumps = triedPlace.jumps.map((jump, k) => {
    const size = signedText(jump.size_s * 1000, 1) + " ms";
    return "all after jump " + (k + 1) + ": " + clockText(jump.call_s, 3) + ", " + size;
  });
  const options = ["the whole call", ...jumps].map((text, k) => new Option(text, k - 1, false, k - 1 === chosenJump));
  element("moves").replaceChildren(...options);
  element("result-of-trial").hidden = true;
  root.dataset.tried = JSON.stringify(triedPlace);
}

const isSamePlace = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// Without a sign before a zero.
const driftText = (ppm) => ppm.toFixed(1).replace(/^-(?=0\.0$)/, "");

function triedText() {
  const present = trial.places[0].alignment;
  const isPresent = isSamePlace(triedPlace, present);
  const moved = isPresent ? "" : " (" + signedText((triedPlace.offset_s - present.offset_s) * 1000, 1) + " ms)";
  const count = triedPlace.jumps.length;
  const parts = [
    (isPresent ? "Present place" : "Tried place") + ": offset " + triedPlace.offset_s.toFixed(4) + " s" + moved,
    "drift " + driftText(triedPlace.drift_ppm) + " ppm",
    count === 1 ? "1 jump" : count + " jumps",
  ];
  return parts.join(", ") + ".";
}

async function saveCorrection() {
  const why = element("why").value.trim();
  if (!why) {
    announce("Write the reason first: it is kept with the correction.");
    element("why").focus();
    return;
  }
  const file = {
    ...trial.file,
    alignment: triedPlace,
    why,
    by: element("author").value.trim(),
    made_at: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
  };
  element("command").textContent = trial.command;
  element("result-of-trial").hidden = false;
  const text = JSON.stringify(file, null, 1) + "\n";
  const refusal = correctionVersion === null ? "" : await putCorrection(text).catch(() => "The desk doesn't answer.");
  if (correctionVersion !== null && !refusal) {
    announce(
      "correction.json is saved beside the report. Choose Correct on the desk, or run the command in its folder.",
    );
  } else if (await saveFile("correction.json", text)) {
    const next = refusal ? " Your correction was downloaded instead." : " Run the command in its folder.";
    announce((refusal || "correction.json is saved.") + next);
  }
}

// The desk's refusal in a sentence; empty if it has saved the file. Somebody else may have written it meanwhile.
async function putCorrection(text) {
  const answer = await fetch("correction.json", {
    method: "PUT",
    headers: { "If-Match": correctionVersion, "Content-Type": "application/json" },
    body: text,
  });
  if (answer.ok) {
    correctionVersion = answer.headers.get("ETag");
    return "";
  }
  const found = await answer.json().catch(() => ({}));
  const words = found.error || "the desk refused it";
  return words[0].toUpperCase() + words.slice(1) + (words.endsWith(".") ? "" : ".");
}

async function lookForDesk() {
  const answer = await fetch("correction.json");
  if (answer.headers.get("X-Komorebi-Desk")) correctionVersion = answer.headers.get("ETag");
}

async function copyCommand() {
  try {
    await navigator.clipboard.writeText(trial.command);
    announce("The command is copied.");
  } catch {
    announce("Copy the command by hand: the browser refused.");
  }
}

const trialActions = {
  "add-jump": addJump,
  "move-jump": moveJump,
  "remove-jump": removeJump,
  use: saveCorrection,
  "copy-command": copyCommand,
  snap: () => {
    if (bestLagS) nudgeCall(round6(bestLagS));
  },
  drag: () => {
    isDragOn = !isDragOn;
    element("drag").setAttribute("aria-pressed", String(isDragOn));
    announce(isDragOn ? "Drag the waveforms of the call." : "A drag pans again.");
  },
};
if (trial) {
  element("moves").addEventListener("change", (e) => {
    chosenJump = Number(e.target.value);
  });
  root.addEventListener("click", (e) => {
    const button = e.target.closest("button");
    if (!button) return;
    if (button.dataset.nudge) nudgeCall(Number(button.dataset.nudge));
    else if (button.dataset.place) {
      chosenJump = -1;
      tryPlace(
        structuredClone(trial.places[button.dataset.place].alignment),
        button.textContent + ". Left: call audio. Right: agent recording.",
      );
    } else if (trialActions[button.dataset.kq]) trialActions[button.dataset.kq]();
  });
  showTrial();
  setInterval(measureFit, 150);
  if (/^http/.test(location.protocol) && data.alone) lookForDesk().catch(() => {});
}

// Whether a drag at this height of the canvas moves the call: on its two waveforms, while the button is pressed.
function isCallDrag(y) {
  return isDragOn && trial && y >= lanesTop() && y < lanesTop() + 2 * (laneHeight + laneGap);
}

// While the pointer moves: waveforms only; the sound follows at its release.
function dragCall(start, s) {
  triedPlace = movedPlace(start, s);
  triedPieces = callPieces(triedPlace);
  forgetFit();
  if (!isTrial()) chooseAudio("trial");
  redraw();
  showTrial();
}
