// Moving the call by hand: places to try, nudges, jumps, and the correction to save.
let isDragging = false, chosenJump = -1;
const signed = (s, digits) => (s < 0 ? "\u2212" : "+") + Math.abs(s).toFixed(digits);
async function saved(name, text) {  // by the file system's dialog if the browser has one, else as a download
  if (window.showSaveFilePicker) {
    try {
      const handle = await window.showSaveFilePicker({ suggestedName: name, types: [{ accept: { "application/json": [".json"] } }] }), file = await handle.createWritable();
      await file.write(text); await file.close(); return true;
    } catch (error) { if (error && error.name === "AbortError") return false; }
  }
  const link = document.createElement("a"), url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.href = url; link.download = name; root.append(link); link.click(); link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  return true;
}
function nudge(s) {
  if (!bench) return;
  const next_ = structuredClone(tried);
  if (chosenJump >= 0) next_.jumps[chosenJump].size_s = round6(next_.jumps[chosenJump].size_s + s);
  else next_.offset_s = round6(next_.offset_s + s);
  place_(next_, "Moved by " + signed(s * 1000, Math.abs(s) < .001 ? 1 : 0) + " ms. Left: call audio. Right: agent recording.");
}
function addJump() {
  const c = playheadOnCall();
  if (c === null || c <= 0 || c >= bench.call_s) { say("The playhead isn't in the call: a jump needs a moment of the call."); return; }
  const next_ = structuredClone(tried), at = round6(c);
  if (next_.jumps.some((j) => Math.abs(j.call_s - at) < .001)) { say("There is a jump at this moment already."); return; }
  next_.jumps.push({ call_s: at, size_s: 0 }); next_.jumps.sort((a, b) => a.call_s - b.call_s);
  chosenJump = next_.jumps.findIndex((j) => j.call_s === at);
  place_(next_, "A jump was added. The nudges now move all that follows it.");
}
function moveJump() {
  const c = playheadOnCall();
  if (chosenJump < 0 || c === null) { say("Choose a jump, and put the playhead into the call."); return; }
  const next_ = structuredClone(tried), one = next_.jumps[chosenJump];
  one.call_s = round6(c); next_.jumps.sort((a, b) => a.call_s - b.call_s); chosenJump = next_.jumps.indexOf(one);
  place_(next_, "The jump is now at " + clock(c, 3) + " of the call.");
}
function removeJump() {
  if (chosenJump < 0) { say("Choose a jump first."); return; }
  const next_ = structuredClone(tried);
  next_.jumps.splice(chosenJump, 1); chosenJump = -1;
  place_(next_, "The jump was removed.");
}
function placeShown() {
  const present = bench.places[0].alignment, same = JSON.stringify(tried) === JSON.stringify(present), select = by("moves");
  by("tried").textContent = (same ? "Present place" : "Tried place") + ": offset " + tried.offset_s.toFixed(4) + " s" + (same ? "" : " (" + signed((tried.offset_s - present.offset_s) * 1000, 1) + " ms)") + ", drift " + tried.drift_ppm.toFixed(1) + " ppm, " + (tried.jumps.length === 1 ? "1 jump" : tried.jumps.length + " jumps") + ".";
  for (const button of root.querySelectorAll("[data-place]")) button.setAttribute("aria-pressed", String(isTrying() && JSON.stringify(bench.places[button.dataset.place].alignment) === JSON.stringify(tried)));
  const options = ["the whole call", ...tried.jumps.map((j, k) => "all after jump " + (k + 1) + ": " + clock(j.call_s, 3) + ", " + signed(j.size_s * 1000, 1) + " ms")];
  if (chosenJump >= tried.jumps.length) chosenJump = -1;
  select.replaceChildren(...options.map((text, k) => new Option(text, String(k - 1), false, k - 1 === chosenJump)));
  by("result-of-trial").hidden = true;
  root.dataset.tried = JSON.stringify(tried);
}
async function useThis() {
  const why = by("why").value.trim();
  if (!why) { say("Write the reason first: it is kept with the correction."); by("why").focus(); return; }
  const file = { ...bench.file, alignment: tried, why, by: by("author").value.trim(), made_at: new Date().toISOString().replace(/\.\d+Z$/, "Z") };
  by("command").textContent = bench.command; by("result-of-trial").hidden = false;
  if (await saved("correction.json", JSON.stringify(file, null, 1) + "\n")) say("correction.json is saved. Run the command in its folder.");
}
async function copyCommand() {
  try { await navigator.clipboard.writeText(bench.command); say("The command is copied."); } catch { say("Copy the command by hand: the browser refused."); }
}
const trialActs = { "add-jump": addJump, "move-jump": moveJump, "remove-jump": removeJump, use: useThis, "copy-command": copyCommand, snap: () => { if (meterBest) nudge(round6(meterBest)); },
  drag: () => { isDragging = !isDragging; by("drag").setAttribute("aria-pressed", String(isDragging)); say(isDragging ? "Drag the waveforms of the call." : "A drag pans again."); } };
if (bench) {
  by("moves").addEventListener("change", (e) => { chosenJump = Number(e.target.value); });
  root.addEventListener("click", (e) => {
    const button = e.target.closest("button");
    if (!button) return;
    if (button.dataset.nudge) nudge(Number(button.dataset.nudge));
    else if (button.dataset.place) { chosenJump = -1; place_(structuredClone(bench.places[button.dataset.place].alignment), button.textContent + ". Left: call audio. Right: agent recording."); }
    else if (trialActs[button.dataset.kq]) trialActs[button.dataset.kq]();
  });
  placeShown();
  setInterval(measureFit, 150);
}
function dragged(x, y) { return isDragging && bench && y >= first() && y < first() + 2 * (lane + gap); }
function dragCall(start, s) {  // while the pointer moves: waveforms only; the sound follows at its release
  tried = structuredClone(start);
  if (chosenJump >= 0) tried.jumps[chosenJump].size_s = round6(start.jumps[chosenJump].size_s + s); else tried.offset_s = round6(start.offset_s + s);
  triedPieces = callPieces(tried);
  if (!isTrying()) chooseAudio("trial");
  redraw(); placeShown();
}
