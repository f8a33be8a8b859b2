// The transcript: the present turn, a click to go there, search, and captions.
const turnsList = by("turns-list");
let turnItems = [], presentTurn = null, turnAt = -1;
function addTurn([speaker, from_, to_, text, rows]) {
  const item = document.createElement("li"), link = document.createElement("a"), name = document.createElement("b"), words = document.createElement("span");
  item.className = speaker; item.dataset.from = from_; item.dataset.to = to_;
  link.href = "#t=" + from_.toFixed(3); link.dataset.at = from_; link.textContent = clock(from_, 0);
  name.textContent = { agent: "Agent", customer: "Customer" }[speaker] || "Speaker"; words.textContent = text;
  item.append(link, " ", name, " ", words);
  for (const row of rows) {
    const cells = root.querySelector('tr[data-row="' + row + '"]'), source_ = cells && cells.querySelector("a[data-at]");
    if (!source_) continue;
    const badge = document.createElement("a");
    badge.className = "badge " + cells.className.split(" ")[0]; badge.dataset.at = source_.dataset.at; badge.dataset.of = row; badge.href = "#t=" + source_.dataset.at;
    badge.textContent = badge.className.split(" ")[1] + ": " + cells.querySelector("th").textContent; item.append(" ", badge);
  }
  turnsList.append(item);
}
async function loadTurns() {
  if (!turnsList) return;
  by("turns-tools").innerHTML = data.turns_tools;
  if (data.more_turns) {
    for (const turn of JSON.parse(new TextDecoder().decode(await unpacked(data.more_turns)))) addTurn(turn);
    by("more-turns").remove();
  }
  turnItems = [...turnsList.children].map((item) => ({ item, from: Number(item.dataset.from), to: Number(item.dataset.to), text: item.querySelector("span").textContent.toLowerCase() }));
  by("search").addEventListener("input", searchTurns);
  by("search").addEventListener("keydown", (e) => {
    if (e.key === "Enter") { e.preventDefault(); nextFound(e.shiftKey ? -1 : 1); }
    if (e.key === "Escape") { e.target.value = ""; searchTurns(); stage.focus({ preventScroll: true }); }
  });
  turnsList.addEventListener("click", (e) => {  // anywhere in a turn, unless text is selected
    const item = e.target.closest("li");
    if (!item || e.target.closest("a") || String(getSelection())) return;
    follows(item.querySelector("a"));
  });
  makeCaptions();
}
function searchTurns() {
  const wanted_ = by("search").value.trim().toLowerCase();
  let found = 0;
  for (const turn of turnItems) { const fits = !wanted_ || turn.text.includes(wanted_); turn.item.hidden = !fits; found += fits ? 1 : 0; }
  by("found").textContent = wanted_ ? found + " of " + turnItems.length + (turnItems.length === 1 ? " turn" : " turns") : "";
  if (window.CSS && CSS.highlights) {  // marks the words without changing the page
    const ranges = [];
    if (wanted_) for (const turn of turnItems) {
      if (turn.item.hidden) continue;
      const node = turn.item.querySelector("span").firstChild;
      for (let at = turn.text.indexOf(wanted_); node && at >= 0 && ranges.length < 2000; at = turn.text.indexOf(wanted_, at + wanted_.length)) {
        if (at + wanted_.length > node.length) break;
        const range = new Range(); range.setStart(node, at); range.setEnd(node, at + wanted_.length); ranges.push(range);
      }
    }
    CSS.highlights.set("kq-found", new Highlight(...ranges));
  }
}
function nextFound(by_) {
  const found = turnItems.filter((turn) => !turn.item.hidden), t = now();
  if (!found.length) return;
  const next_ = by_ > 0 ? found.find((turn) => turn.from > t + .0015) || found[0] : [...found].reverse().find((turn) => turn.from < t - .0015) || found[found.length - 1];
  follows(next_.item.querySelector("a"));
}
function showTurn(t) {  // turns may overlap: the one that began last is the present one
  if (!turnItems.length || t === turnAt) return;
  turnAt = t;
  let low = 0, high = turnItems.length;
  while (low < high) { const middle = (low + high) >> 1; if (turnItems[middle].from <= t + .0015) low = middle + 1; else high = middle; }
  let found = null;
  for (let k = low - 1; k >= 0 && k > low - 8; k--) if (turnItems[k].to > t) { found = turnItems[k]; break; }
  if (found === presentTurn) return;
  if (presentTurn) { presentTurn.item.classList.remove("present"); presentTurn.item.removeAttribute("aria-current"); }
  presentTurn = found;
  if (!found) return;
  found.item.classList.add("present"); found.item.setAttribute("aria-current", "true");
  if (found.item.hidden || turnsList.matches(":hover") && video.paused) return;
  const box = turnsList.getBoundingClientRect(), line = found.item.getBoundingClientRect();
  if (line.top < box.top || line.bottom > box.bottom) turnsList.scrollTop += line.top - box.top - box.height / 3;  // the list moves, the page doesn't
}
function makeCaptions() {
  if (by("track")) return;
  const stamp = (s) => clock(s, 3), safe = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const cues = turnItems.filter((turn) => turn.to > videoAt).map((turn) => stamp(Math.max(0, turn.from - videoAt)) + " --> " + stamp(turn.to - videoAt) + "\n" + safe(turn.item.querySelector("b").textContent + ": " + turn.item.querySelector("span").textContent.replace(/\s*\n\s*/g, " ")));
  const track = document.createElement("track");
  track.kind = "captions"; track.label = "Transcript"; track.srclang = "und"; track.dataset.kq = "track";
  track.src = URL.createObjectURL(new Blob(["WEBVTT\n\n" + cues.join("\n\n") + "\n"], { type: "text/vtt" }));
  video.append(track);
}
function captions() {
  const track = by("track"), button = by("captions");
  if (!track || !button) { say("There is no transcript."); return; }
  const shows = track.track.mode !== "showing";
  track.track.mode = shows ? "showing" : "hidden"; button.setAttribute("aria-pressed", String(shows)); say(shows ? "Captions are on." : "Captions are off.");
}
function openSearch() { if (by("search")) { by("search").focus(); by("search").select(); } else say("There is no transcript to search."); }
