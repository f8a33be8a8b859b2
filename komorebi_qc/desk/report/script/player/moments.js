// Findings and marks: going there, and links to a moment.

const moments = data.moments;
// Moments closer than this to the playhead are the present one.
const SAME_MOMENT_S = 0.0015;

function goToMoment(i) {
  if (!moments.length) {
    announce("No finding has a position.");
    return;
  }
  const moment = moments[(i + moments.length) % moments.length];
  seek(moment.at_s, defaultZoomS());
  announce(moment.text);
  highlightFindings(moment.rows);
  writeAddress();
}

function highlightFindings(rows) {
  for (const row of root.querySelectorAll("tr.now")) row.classList.remove("now");
  for (const n of rows) root.querySelector('tr[data-row="' + n + '"]').classList.add("now");
}

// The next moment (1) or the previous one (-1); after the last comes the first.
function stepMoment(direction) {
  const t = playheadS();
  const after = moments.findIndex((moment) => moment.at_s > t + SAME_MOMENT_S);
  const before = moments.findLastIndex((moment) => moment.at_s < t - SAME_MOMENT_S);
  if (direction > 0) goToMoment(after < 0 ? 0 : after);
  else goToMoment(before < 0 ? moments.length - 1 : before);
}

// A zoom by hand is kept; from the whole recording, the view goes to 4 s.
function defaultZoomS() {
  return viewTo - viewFrom > durationS * 0.999 ? 4 : undefined;
}

function followLink(link) {
  seek(Math.max(0, parseFloat(link.dataset.at)), defaultZoomS());
  announce(link.title || "");
  highlightFindings("of" in link.dataset ? [link.dataset.of] : []);
  writeAddress();
}

// --- one link, one place: #t= is the moment, zoom= the visible seconds, source= the audio
function addressHash() {
  const zoom = Number((viewTo - viewFrom).toPrecision(4));
  return "#t=" + playheadS().toFixed(3) + "&zoom=" + zoom + "&source=" + audioName;
}

function writeAddress() {
  if (!data.alone) return;
  history.replaceState(null, "", addressHash());
  // On the desk, the address is that of the page around the report.
  if (parent !== window) parent.postMessage({ komorebiAddress: addressHash() }, "*");
}

// Go to the place of the page's address; false without one.
function followAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const at = parseFloat(given.get("t"));
  const span = parseFloat(given.get("zoom"));
  if (!(at >= 0 && at < Infinity)) return false;
  if (given.get("source")) chooseAudio(given.get("source"));
  if (span > 0 && span < Infinity) {
    setView(at - span / 2, at + span / 2);
    seek(at);
  } else seek(at, 4);
  return true;
}

async function copyLink() {
  const link = location.href.split("#")[0] + addressHash();
  writeAddress();
  try {
    await navigator.clipboard.writeText(link);
    announce("Link copied: " + link);
  } catch {
    announce((copiedBySelection(link) ? "Link copied: " : "Copy this link: ") + link);
  }
}

// The old way, for pages that were opened as a file in some browsers.
function copiedBySelection(text) {
  const box = document.createElement("textarea");
  const focused = document.activeElement;
  box.value = text;
  root.append(box);
  box.select();
  const isDone = document.execCommand("copy");
  box.remove();
  if (focused) focused.focus();
  return isDone;
}

window.addEventListener("hashchange", followAddress);
if (data.alone) {
  // With scripts, a position is a place of this page, not of the video file.
  for (const link of root.querySelectorAll("a[data-at]")) {
    link.href = "#t=" + Math.max(0, parseFloat(link.dataset.at)).toFixed(3);
  }
}
