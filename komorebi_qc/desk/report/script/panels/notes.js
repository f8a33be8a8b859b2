// Notes about spans: written here, kept in notes.json beside the report, by the desk, the file system or a download.

const NOTES_SCHEMA = "komorebi-notes/1";
const severities = ["info", "minor", "major"];
const MOST_TRIES = 5;
let notes = (data.notes && data.notes.notes) || [];
// The notes of the page as it was written. The desk's file is newer: what isn't there any more was removed.
const notesOfPage = new Set(notes.map((note) => note.id + note.made_at));
// IDs of notes that were removed here: another analyst's copy of the file doesn't bring them back.
const removedNotes = new Set();
// The file that a dialog chose, or the desk's version of its file; null without one.
let notesFile = null;
let notesVersion = null;
// The notes of the file, as JSON.
let savedNotes = JSON.stringify(notes);
// Each save waits for the one before it, so that an older text never replaces a newer one.
let savingNotes = Promise.resolve();

// --- the file
const areNotesSaved = () => JSON.stringify(notes) === savedNotes;

// Keep the notes of both sides, by ID; the later edit wins.
function mergedNotes(mine, others) {
  const all = new Map();
  for (const note of [...mine, ...others]) {
    const old = all.get(note.id);
    if (!old || Date.parse(note.made_at) >= Date.parse(old.made_at)) all.set(note.id, note);
  }
  const kept = [...all.values()].filter((note) => !removedNotes.has(note.id));
  return kept.sort((a, b) => a.from_s - b.from_s || a.to_s - b.to_s || (a.id < b.id ? -1 : 1));
}

function notesText() {
  const file = { schema: NOTES_SCHEMA, recording_id: data.notes.recording_id, notes };
  return JSON.stringify(file, null, 1) + "\n";
}

// The notes of a file about this recording.
function checkedNotes(file) {
  if (!file || file.schema !== NOTES_SCHEMA || !Array.isArray(file.notes)) {
    throw new Error("The file isn't a notes.json.");
  }
  if (file.recording_id !== data.notes.recording_id) {
    throw new Error("The notes are about recording " + file.recording_id + ", not about this one.");
  }
  if (!file.notes.every(isNote)) throw new Error("A note of the file can't be used.");
  return file.notes;
}

function isNote(note) {
  if (!note || !/^[0-9a-f]{8,64}$/.test(note.id) || !severities.includes(note.severity)) return false;
  const texts = [note.text, note.category, note.by, note.made_at, note.run_id];
  return note.from_s >= 0 && note.to_s >= note.from_s && texts.every((text) => typeof text === "string");
}

function saveNotes() {
  savingNotes = savingNotes.then(saveNotesNow);
  return savingNotes;
}

async function saveNotesNow() {
  try {
    if (!(await writeNotes())) return;
    showNotes();
    announce("notes.json is saved." + (notesVersion === null ? " Keep it beside the report." : ""));
  } catch (error) {
    if (!error || error.name !== "AbortError") announce((error && error.message) || "notes.json can't be saved.");
  }
}

// Whether the notes were written. A note that is added meanwhile isn't saved yet.
async function writeNotes() {
  if (notesVersion !== null) {
    await putNotes();
    return true;
  }
  if (!notesFile && window.showSaveFilePicker) {
    const types = [{ accept: { "application/json": [".json"] } }];
    notesFile = await window.showSaveFilePicker({ suggestedName: "notes.json", types });
  }
  const [text, written] = [notesText(), JSON.stringify(notes)];
  if (notesFile) {
    const file = await notesFile.createWritable();
    await file.write(text);
    await file.close();
  } else if (!(await saveFile("notes.json", text))) return false;
  savedNotes = written;
  return true;
}

// Another analyst may have written meanwhile: both sides' notes are kept.
async function putNotes() {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const written = JSON.stringify(notes);
    const answer = await fetch("notes.json", {
      method: "PUT",
      headers: { "If-Match": notesVersion, "Content-Type": "application/json" },
      body: notesText(),
    });
    if (answer.ok) {
      notesVersion = answer.headers.get("ETag");
      savedNotes = written;
      return;
    }
    if (answer.status !== 409 && answer.status !== 412) {
      const found = await answer.json().catch(() => ({}));
      throw new Error(found.error || "The desk didn't save the notes.");
    }
    await getNotes();
  }
  throw new Error("Others are saving notes at the same time: try again.");
}

async function getNotes() {
  const answer = await fetch("notes.json");
  if (!answer.headers.get("X-Komorebi-Desk")) return;
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  const found = checkedNotes(content);
  if (notesVersion === null) notes = notes.filter((note) => !notesOfPage.has(note.id + note.made_at));
  notesVersion = answer.headers.get("ETag");
  savedNotes = JSON.stringify(found);
  // A note may have been added while the answer was on its way.
  notes = mergedNotes(notes, found);
  showNotes();
}

async function importNotes(file) {
  try {
    const found = checkedNotes(JSON.parse(await file.text()));
    for (const note of found) removedNotes.delete(note.id);
    notes = mergedNotes(notes, found);
    showNotes();
    announce("The notes of " + file.name + " were added.");
  } catch (error) {
    announce(error instanceof SyntaxError ? "The file isn't JSON." : error.message);
  }
}

// --- the panel
function showNotes() {
  element("notes-list").replaceChildren(...notes.map(noteItem));
  element("notes-count").textContent = notes.length === 1 ? "1 note" : notes.length + " notes";
  element("save-notes").disabled = areNotesSaved();
  root.dataset.notes = String(notes.length);
  redraw();
}

function noteItem(note) {
  const item = document.createElement("li");
  const tag = document.createElement("span");
  tag.className = "tag " + ({ major: "fail", minor: "warn" }[note.severity] || "pass");
  tag.textContent = note.severity;
  const link = document.createElement("a");
  link.href = "#t=" + note.from_s.toFixed(3);
  link.dataset.at = note.from_s;
  const end = note.to_s > note.from_s ? " to " + clockText(note.to_s, 3) : "";
  link.textContent = clockText(note.from_s, 3) + end;
  const text = document.createElement("span");
  text.textContent = (note.category ? note.category + ": " : "") + note.text + (note.by ? " (" + note.by + ")" : "");
  const remove = document.createElement("button");
  remove.type = "button";
  remove.textContent = "Remove";
  remove.setAttribute("aria-label", "Remove the note at " + clockText(note.from_s, 3));
  remove.dataset.remove = note.id;
  item.append(tag, " ", link, " ", text, " ", remove);
  return item;
}

function showNoteSpan() {
  if (!element("note-span")) return;
  element("note-span").textContent = hasMarkedSpan()
    ? "About " + clockText(markedFrom, 3) + " to " + clockText(markedTo, 3) + "."
    : "About the playhead; mark a span with i and e.";
}

async function addNote() {
  const text = element("note-text").value.trim();
  if (!text) {
    announce("Write the note first.");
    element("note-text").focus();
    return;
  }
  const [from, to] = hasMarkedSpan() ? [markedFrom, markedTo] : [playheadS(), playheadS()];
  const random = crypto.getRandomValues(new Uint8Array(8));
  const note = {
    id: Array.from(random, (v) => v.toString(16).padStart(2, "0")).join(""),
    from_s: Number(from.toFixed(3)),
    to_s: Number(to.toFixed(3)),
    text: text.replace(/[^\S\n]+/g, " "),
    category: element("note-category").value.trim(),
    severity: element("note-severity").value,
    by: element("note-by").value.trim(),
    made_at: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    run_id: data.notes.run_id,
  };
  notes = mergedNotes(notes, [note]);
  element("note-text").value = "";
  showNotes();
  announce("The note was added.");
  await saveIfPlaceKnown();
}

async function removeNote(id) {
  removedNotes.add(id);
  notes = notes.filter((note) => note.id !== id);
  showNotes();
  element("note-text").focus();
  announce("The note was removed.");
  await saveIfPlaceKnown();
}

// Without a dialog.
async function saveIfPlaceKnown() {
  if (notesFile || notesVersion !== null) await saveNotes();
}

function openNotePanel() {
  const panel = element("notes-panel");
  if (!panel) return;
  panel.open = true;
  showNoteSpan();
  element("note-text").focus();
}

// On the canvas.
function noteMarks() {
  return notes.map((note) => ({ at_s: note.from_s, label: "note", colour: "accent", dash: [2, 4], rank: 4 }));
}

if (element("notes-panel")) {
  showNotes();
  showNoteSpan();
  element("notes-file").addEventListener("change", (e) => {
    if (e.target.files[0]) importNotes(e.target.files[0]);
    e.target.value = "";
  });
  element("notes-list").addEventListener("click", (e) => {
    const button = e.target.closest("[data-remove]");
    if (button) removeNote(button.dataset.remove);
  });
  window.addEventListener("beforeunload", (e) => {
    if (!areNotesSaved()) e.preventDefault();
  });
  if (/^http/.test(location.protocol) && data.alone) {
    getNotes().catch((error) => {
      if (!(error instanceof TypeError)) announce(error.message);
    });
  }
}
