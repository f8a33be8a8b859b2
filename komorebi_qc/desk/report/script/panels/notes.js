// Notes about spans: written here, kept in notes.json beside the report, by the desk, the file system or a download.

const NOTES_SCHEMA = "komorebi-notes/1";
const severities = ["info", "minor", "major"];
const MOST_TRIES = 5;
let notes = (data.notes && data.notes.notes) || [];
// The note that the form changes, and the one that was removed last; null without one.
let editedNote = null;
let removedNote = null;
// The desk's sentence about a notes.json that can't be used; empty without one.
let notesRefusal = "";
// The file that a dialog chose, or the desk's version of its file; null without one.
let notesFile = null;
let notesVersion = null;
// The notes of the file, as JSON.
let savedNotes = JSON.stringify(notes);
// Each save waits for the one before it, so that an older text never replaces a newer one.
let savingNotes = Promise.resolve();

// --- the file
const areNotesSaved = () => JSON.stringify(notes) === savedNotes;

// Keep the changes of both sides since `base`. A note that both have changed is kept twice.
function mergedNotes(mine, theirs, base = []) {
  const byId = (list) => new Map(list.map((note) => [note.id, note]));
  const [here, there, before] = [byId(mine), byId(theirs), byId(base)];
  const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const kept = [];
  for (const id of new Set([...here.keys(), ...there.keys()])) {
    const [own, other, old] = [here.get(id), there.get(id), before.get(id)];
    if (!own || !other) {
      // Without `old` it was added; with the same `old` the other side has removed it.
      if (!old || !isSame(own || other, old)) kept.push(own || other);
    } else if (isSame(own, other) || isSame(other, old)) kept.push(own);
    else if (isSame(own, old)) kept.push(other);
    else {
      const isNewer = Date.parse(own.made_at) >= Date.parse(other.made_at);
      kept.push(isNewer ? own : other, { ...(isNewer ? other : own), id: newNoteId() });
    }
  }
  return kept.sort((a, b) => a.from_s - b.from_s || a.to_s - b.to_s || (a.id < b.id ? -1 : 1));
}

function newNoteId() {
  const random = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(random, (v) => v.toString(16).padStart(2, "0")).join("");
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
  const base = JSON.parse(savedNotes);
  notesVersion = answer.headers.get("ETag");
  savedNotes = JSON.stringify(found);
  // A note may have been added while the answer was on its way.
  notes = mergedNotes(notes, found, base);
  showNotes();
}

async function importNotes(file) {
  try {
    const found = checkedNotes(JSON.parse(await file.text()));
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
  item.append(tag, " ", link, " ", text);
  for (const name of ["Edit", "Remove"]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-label", name + " the note at " + clockText(note.from_s, 3));
    button.dataset[name.toLowerCase()] = note.id;
    item.append(" ", button);
  }
  return item;
}

function showNoteSpan() {
  if (!element("note-span")) return;
  const [from, to] = hasMarkedSpan() ? [markedFrom, markedTo] : editedNote ? [editedNote.from_s, editedNote.to_s] : [];
  element("note-span").textContent =
    from === undefined
      ? "About the playhead; mark a span with i and e."
      : "About " + clockText(from, 3) + " to " + clockText(to, 3) + ".";
}

async function addNote() {
  const text = element("note-text").value.trim();
  if (!text) {
    announce("Write the note first.");
    element("note-text").focus();
    return;
  }
  const old = editedNote;
  const kept = old ? [old.from_s, old.to_s] : [playheadS(), playheadS()];
  const [from, to] = hasMarkedSpan() ? [markedFrom, markedTo] : kept;
  const note = {
    id: old ? old.id : newNoteId(),
    from_s: Number(from.toFixed(3)),
    to_s: Number(to.toFixed(3)),
    text: text.replace(/[^\S\n]+/g, " "),
    category: element("note-category").value.trim(),
    severity: element("note-severity").value,
    by: element("note-by").value.trim() || (old ? old.by : ""),
    made_at: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    run_id: data.notes.run_id,
  };
  notes = mergedNotes(
    notes.filter((one) => one.id !== note.id),
    [note],
  );
  setEditedNote(null);
  showNotes();
  const unsaved = notesRefusal ? " It is only in this page: " + notesRefusal + "." : "";
  announce((old ? "The note was changed." : "The note was added.") + unsaved);
  await saveIfPlaceKnown();
}

// Put a note into the form, to change it; null for a new one.
function setEditedNote(note) {
  editedNote = note;
  element("note-text").value = note ? note.text : "";
  element("note-category").value = note ? note.category : element("note-category").value;
  element("note-severity").value = note ? note.severity : element("note-severity").value;
  element("add-note").textContent = note ? "Save the changed note" : "Add the note";
  element("cancel-note").hidden = !note;
  showNoteSpan();
}

async function removeNote(id) {
  removedNote = notes.find((note) => note.id === id);
  notes = notes.filter((note) => note.id !== id);
  if (editedNote && editedNote.id === id) setEditedNote(null);
  element("undo-note").hidden = false;
  showNotes();
  element("undo-note").focus();
  announce("The note was removed.");
  await saveIfPlaceKnown();
}

async function undoRemoval() {
  notes = mergedNotes(notes, [removedNote]);
  removedNote = null;
  element("undo-note").hidden = true;
  showNotes();
  element("note-text").focus();
  announce("The note is there again.");
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
    const button = e.target.closest("button");
    if (!button) return;
    if (button.dataset.remove) removeNote(button.dataset.remove);
    else {
      setEditedNote(notes.find((note) => note.id === button.dataset.edit));
      element("note-text").focus();
    }
  });
  element("undo-note").addEventListener("click", undoRemoval);
  element("cancel-note").addEventListener("click", () => {
    setEditedNote(null);
    element("note-text").focus();
  });
  window.addEventListener("beforeunload", (e) => {
    if (!areNotesSaved()) e.preventDefault();
  });
  if (/^http/.test(location.protocol) && data.alone) {
    getNotes().catch((error) => {
      if (error instanceof TypeError) return;
      notesRefusal = error.message;
      announce(notesRefusal);
    });
  }
}
