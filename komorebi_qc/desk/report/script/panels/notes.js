// Notes about spans: written here, kept in notes.json beside the report, by the desk, the file system or a download.
let notes = (data.notes && data.notes.notes) || [], notesFile = null, notesVersion = null, areNotesSaved = true;
const severities = ["info", "minor", "major"];
function mergedNotes(mine, others) {  // by ID; the later edit wins
  const all = new Map();
  for (const note of [...mine, ...others]) { const old = all.get(note.id); if (!old || Date.parse(note.made_at) >= Date.parse(old.made_at)) all.set(note.id, note); }
  return [...all.values()].sort((a, b) => a.from_s - b.from_s || a.to_s - b.to_s || (a.id < b.id ? -1 : 1));
}
function notesText() { return JSON.stringify({ schema: "komorebi-notes/1", recording_id: data.notes.recording_id, notes }, null, 1) + "\n"; }
function usable(found) {
  const isText = (v) => typeof v === "string";
  if (!found || found.schema !== "komorebi-notes/1" || !Array.isArray(found.notes)) throw new Error("The file isn't a notes.json.");
  if (found.recording_id !== data.notes.recording_id) throw new Error("The notes are about recording " + found.recording_id + ", not about this one.");
  if (!found.notes.every((n) => n && /^[0-9a-f]{16}$/.test(n.id) && n.from_s >= 0 && n.to_s >= n.from_s && severities.includes(n.severity) && [n.text, n.category, n.by, n.made_at, n.run_id].every(isText))) throw new Error("A note of the file can't be used.");
  return found.notes;
}
function showNotes() {
  const list = by("notes-list");
  list.replaceChildren(...notes.map((note) => {
    const item = document.createElement("li"), link = document.createElement("a"), tag = document.createElement("span"), text = document.createElement("span"), remove = document.createElement("button");
    link.href = "#t=" + note.from_s.toFixed(3); link.dataset.at = note.from_s; link.textContent = clock(note.from_s, 3) + (note.to_s > note.from_s ? " to " + clock(note.to_s, 3) : "");
    tag.className = "tag " + ({ major: "fail", minor: "warn" }[note.severity] || "pass"); tag.textContent = note.severity;
    text.textContent = (note.category ? note.category + ": " : "") + note.text + (note.by ? " (" + note.by + ")" : "");
    remove.type = "button"; remove.textContent = "Remove"; remove.setAttribute("aria-label", "Remove the note at " + clock(note.from_s, 3)); remove.dataset.remove = note.id;
    item.append(tag, " ", link, " ", text, " ", remove);
    return item;
  }));
  by("notes-count").textContent = notes.length === 1 ? "1 note" : notes.length + " notes";
  by("save-notes").disabled = areNotesSaved; root.dataset.notes = String(notes.length); redraw();
}
function noteSpanShown() {
  if (!by("note-span")) return;
  const a = spanFrom === null ? now() : spanFrom, b = hasSpan() ? spanTo : a;
  by("note-span").textContent = hasSpan() ? "About " + clock(a, 3) + " to " + clock(b, 3) + "." : "About the playhead; mark a span with i and e.";
}
async function addNote() {
  const text = by("note-text").value.trim();
  if (!text) { say("Write the note first."); by("note-text").focus(); return; }
  const t = now(), a = hasSpan() ? spanFrom : t, b = hasSpan() ? spanTo : t, id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (v) => v.toString(16).padStart(2, "0")).join("");
  notes = mergedNotes(notes, [{ id, from_s: Number(a.toFixed(3)), to_s: Number(b.toFixed(3)), text: text.replace(/[^\S\n]+/g, " "), category: by("note-category").value.trim(), severity: by("note-severity").value,
    by: by("note-by").value.trim(), made_at: new Date().toISOString().replace(/\.\d+Z$/, "Z"), run_id: data.notes.run_id }]);
  by("note-text").value = ""; areNotesSaved = false; showNotes(); say("The note was added.");
  if (notesFile || notesVersion !== null) await saveNotes();
}
async function saveNotes() {
  try {
    if (notesVersion !== null) { await putNotes(); }
    else if (notesFile) { const file = await notesFile.createWritable(); await file.write(notesText()); await file.close(); }
    else if (window.showSaveFilePicker) {
      notesFile = await window.showSaveFilePicker({ suggestedName: "notes.json", types: [{ accept: { "application/json": [".json"] } }] });
      const file = await notesFile.createWritable(); await file.write(notesText()); await file.close();
    } else if (!(await saved("notes.json", notesText()))) return;
    areNotesSaved = true; showNotes(); say("notes.json is saved." + (notesVersion === null ? " Keep it beside the report." : ""));
  } catch (error) { if (!error || error.name !== "AbortError") say(error && error.message || "notes.json can't be saved."); }
}
async function putNotes() {  // another analyst may have written meanwhile: both sides' notes are kept
  for (let tries = 0; tries < 5; tries++) {
    const answer = await fetch("notes.json", { method: "PUT", headers: { "If-Match": notesVersion, "Content-Type": "application/json" }, body: notesText() });
    if (answer.ok) { notesVersion = answer.headers.get("ETag"); return; }
    if (answer.status !== 409 && answer.status !== 412) throw new Error((await answer.json().catch(() => ({}))).error || "The desk didn't save the notes.");
    await getNotes();
  }
  throw new Error("Others are saving notes at the same time: try again.");
}
async function getNotes() {
  const answer = await fetch("notes.json");
  if (!answer.ok || !answer.headers.get("X-Komorebi-Desk")) return;
  notesVersion = answer.headers.get("ETag"); notes = mergedNotes(notes, usable(await answer.json())); showNotes();
}
async function readNotes(file) {
  try { notes = mergedNotes(notes, usable(JSON.parse(await file.text()))); areNotesSaved = false; showNotes(); say("The notes of " + file.name + " were added."); } catch (error) { say(error instanceof SyntaxError ? "The file isn't JSON." : error.message); }
}
function noteMarks() { return notes.map((note) => ({ at_s: note.from_s, label: "note", colour: "accent", dash: [2, 4], rank: 4 })); }
function writeNote() { const panel = by("notes-panel"); if (!panel) return; panel.open = true; noteSpanShown(); by("note-text").focus(); }
if (by("notes-panel")) {
  showNotes(); noteSpanShown();
  by("notes-file").addEventListener("change", (e) => { if (e.target.files[0]) readNotes(e.target.files[0]); e.target.value = ""; });
  by("notes-list").addEventListener("click", (e) => {
    const button = e.target.closest("[data-remove]");
    if (!button) return;
    notes = notes.filter((note) => note.id !== button.dataset.remove); areNotesSaved = false; showNotes(); by("note-text").focus(); say("The note was removed.");
    if (notesFile) saveNotes();
  });
  window.addEventListener("beforeunload", (e) => { if (!areNotesSaved) e.preventDefault(); });
  if (/^http/.test(location.protocol) && data.alone) getNotes().catch(() => {});
}
