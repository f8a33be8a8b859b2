// The transcript: the present turn, a click to go there, search, and captions.

const turnsList = element("turns-list");
const MOST_OVERLAPPING = 7;
const MOST_MARKED = 2000;
// Each turn's element, times on the output clock, and words in small letters.
let turnItems = [];
let presentTurn = null;
let turnShownS = -1;

function addTurn([speaker, fromS, toS, text, rows]) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  const name = document.createElement("b");
  const words = document.createElement("span");
  item.className = speaker;
  item.dataset.from = fromS;
  item.dataset.to = toS;
  link.href = "#t=" + fromS.toFixed(3);
  link.dataset.at = fromS;
  link.textContent = clockText(fromS, 0);
  name.textContent = { agent: "Agent", customer: "Customer" }[speaker] || "Speaker";
  words.textContent = text;
  item.append(link, " ", name, " ", words);
  for (const row of rows) {
    const cells = root.querySelector('tr[data-row="' + row + '"]');
    const position = cells && cells.querySelector("a[data-at]");
    if (!position) continue;
    const badge = document.createElement("a");
    badge.className = "badge " + cells.className.split(" ")[0];
    badge.dataset.at = position.dataset.at;
    badge.dataset.of = row;
    badge.href = "#t=" + position.dataset.at;
    badge.textContent = badge.className.split(" ")[1] + ": " + cells.querySelector("th").textContent;
    item.append(" ", badge);
  }
  turnsList.append(item);
}

async function loadTurns() {
  if (!turnsList) return;
  element("turns-tools").innerHTML = data.turns_tools;
  if (data.more_turns) {
    for (const turn of JSON.parse(new TextDecoder().decode(await inflated(data.more_turns)))) addTurn(turn);
    element("more-turns").remove();
  }
  turnItems = [...turnsList.children].map((item) => ({
    item,
    from: Number(item.dataset.from),
    to: Number(item.dataset.to),
    text: item.querySelector("span").textContent.toLowerCase(),
  }));
  element("search").addEventListener("input", searchTurns);
  element("search").addEventListener("keydown", (e) => {
    if (e.key === "Enter") {
      e.preventDefault();
      stepFound(e.shiftKey ? -1 : 1);
    }
    if (e.key === "Escape") {
      e.target.value = "";
      searchTurns();
      stage.focus({ preventScroll: true });
    }
  });
  turnsList.addEventListener("click", (e) => {
    // anywhere in a turn, unless text is selected
    const item = e.target.closest("li");
    if (!item || e.target.closest("a") || String(getSelection())) return;
    followLink(item.querySelector("a"));
  });
  makeCaptions();
}

function searchTurns() {
  const query = element("search").value.trim().toLowerCase();
  let count = 0;
  for (const turn of turnItems) {
    turn.item.hidden = query !== "" && !turn.text.includes(query);
    count += turn.item.hidden ? 0 : 1;
  }
  const turns = turnItems.length === 1 ? " turn" : " turns";
  element("found").textContent = query ? count + " of " + turnItems.length + turns : "";
  markFound(query);
}

// Mark the words without changing the page, where the browser can.
function markFound(query) {
  if (!window.CSS || !CSS.highlights) return;
  const ranges = [];
  for (const turn of query ? turnItems : []) {
    const words = turn.item.querySelector("span").firstChild;
    if (turn.item.hidden || !words) continue;
    for (let at = turn.text.indexOf(query); at >= 0; at = turn.text.indexOf(query, at + query.length)) {
      // In a few languages, small letters are more characters than the capital.
      if (at + query.length > words.length || ranges.length >= MOST_MARKED) break;
      const range = new Range();
      range.setStart(words, at);
      range.setEnd(words, at + query.length);
      ranges.push(range);
    }
  }
  CSS.highlights.set("kq-found", new Highlight(...ranges));
}

function stepFound(direction) {
  const found = turnItems.filter((turn) => !turn.item.hidden);
  const t = playheadS();
  if (!found.length) return;
  const target =
    direction > 0
      ? found.find((turn) => turn.from > t + SAME_MOMENT_S) || found[0]
      : [...found].reverse().find((turn) => turn.from < t - SAME_MOMENT_S) || found[found.length - 1];
  followLink(target.item.querySelector("a"));
}

// Turns may overlap: the one that began last is the present one.
function turnAt(t) {
  let low = 0;
  let high = turnItems.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (turnItems[middle].from <= t + SAME_MOMENT_S) low = middle + 1;
    else high = middle;
  }
  const before = turnItems.slice(Math.max(0, low - MOST_OVERLAPPING), low);
  return before.findLast((turn) => turn.to > t) || null;
}

function showPresentTurn(t) {
  if (!turnItems.length || t === turnShownS) return;
  turnShownS = t;
  const found = turnAt(t);
  if (found === presentTurn) return;
  if (presentTurn) {
    presentTurn.item.classList.remove("present");
    presentTurn.item.removeAttribute("aria-current");
  }
  presentTurn = found;
  if (!found) return;
  found.item.classList.add("present");
  found.item.setAttribute("aria-current", "true");
  if (found.item.hidden || (turnsList.matches(":hover") && video.paused)) return;
  const box = turnsList.getBoundingClientRect();
  const line = found.item.getBoundingClientRect();
  // The list moves, the page doesn't.
  if (line.top < box.top || line.bottom > box.bottom) turnsList.scrollTop += line.top - box.top - box.height / 3;
}

// A WebVTT cue on the video's own clock.
function cueText(turn) {
  const from = clockText(Math.max(0, turn.from - videoStartS), 3);
  const words = turn.item.querySelector("span").textContent.replace(/\s*\n\s*/g, " ");
  const text = turn.item.querySelector("b").textContent + ": " + words;
  const safe = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return from + " --> " + clockText(turn.to - videoStartS, 3) + "\n" + safe;
}

function makeCaptions() {
  if (element("track")) return;
  const cues = turnItems.filter((turn) => turn.to > videoStartS).map(cueText);
  const track = document.createElement("track");
  track.kind = "captions";
  track.label = "Transcript";
  track.srclang = "und";
  track.dataset.kq = "track";
  track.src = URL.createObjectURL(new Blob(["WEBVTT\n\n" + cues.join("\n\n") + "\n"], { type: "text/vtt" }));
  video.append(track);
}

function toggleCaptions() {
  const track = element("track");
  const button = element("captions");
  if (!track || !button) {
    announce("There is no transcript.");
    return;
  }
  const shows = track.track.mode !== "showing";
  track.track.mode = shows ? "showing" : "hidden";
  button.setAttribute("aria-pressed", String(shows));
  announce(shows ? "Captions are on." : "Captions are off.");
}

function openSearch() {
  if (element("search")) {
    element("search").focus();
    element("search").select();
  } else announce("There is no transcript to search.");
}
