"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const form = by("form"), message = by("message");
  let last = null, timer = 0, spoken = "";
  const say = (text, bad) => { for (const one of [message, by("form-message")]) { one.textContent = text; one.classList.toggle("bad", Boolean(bad)); } };
  const made = (tag, words, more) => { const one = document.createElement(tag); if (words !== undefined) one.textContent = words; return Object.assign(one, more || {}); };
  const button = (words, label, act) => { const one = made("button", words, { type: "button" }); one.setAttribute("aria-label", label); one.addEventListener("click", act); return one; };
  // A list is only replaced if it has changed, so that the focus and a reader's place stay.
  const put = (parent, rows, key) => { const text = JSON.stringify(key); if (parent.dataset.key === text) return; parent.dataset.key = text; const at = document.activeElement, name = parent.contains(at) ? at.getAttribute("aria-label") || at.href : null; parent.replaceChildren(...rows()); if (name) for (const one of parent.querySelectorAll("a, button")) if ((one.getAttribute("aria-label") || one.href) === name) { one.focus(); break; } };
  async function ask(path, options) {
    const answer = await fetch(path, options);
    if (answer.status === 204) return null;
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error || "The desk refused this.");
    return found;
  }

  function reportRow(one) {
    const row = made("tr"), where = one.folder || "(this folder)";
    const verdict = made("td"); const shown = one.state === "running" || one.state === "unfinished" ? one.state : one.verdict || one.state || "unknown";
    verdict.append(made("span", shown, { className: "tag " + (shown === one.verdict ? shown : shown === "running" ? "" : "fail") }));
    const name = made("td", undefined, { className: "name" });
    name.append(one.address ? made("a", where, { href: one.address }) : where);
    if (one.recording_id && one.recording_id !== "local") name.append(made("div", one.recording_id, { className: "soft" }));
    if (one.at) name.append(made("div", one.at.slice(0, 16).replace("T", " ") + " UTC", { className: "soft" }));
    if (one.error) name.append(made("div", one.error, { className: "bad" }));
    const names = [...one.failures, ...one.warnings].map((text) => text.replaceAll("_", " "));
    const count = Object.entries(one.notes).filter(([, n]) => n).map(([severity, n]) => n + " " + severity);
    const actions = made("td");
    const again = one.asked || (one.recording_id && one.recording_id !== "local" ? { recording_id: one.recording_id } : {});
    actions.append(button("Audit again", "Audit again: " + where, () => fill({ correction: one.has_correction ? path(one.folder, "correction.json") : "", ...again, kind: "audit", out: one.folder })));
    if (one.has_correction && one.recording_id && one.recording_id !== "local") actions.append(button("Correct", "Correct: " + where, () => fill({ kind: "correct", recording_id: one.recording_id, correction: path(one.folder, "correction.json") })));
    row.append(verdict, name, made("td", one.sync.replaceAll("_", " ")), made("td", names.slice(0, 4).join(", ") + (names.length > 4 ? " and " + (names.length - 4) + " more" : "")), made("td", count.join(", ")), actions);
    return row;
  }
  const path = (folder, name) => folder ? folder + "/" + name : name;
  function jobItem(one) {
    const item = made("li", undefined, { className: one.state });
    const title = made("p"); title.append(made("b", one.state), " " + one.title); item.append(title);
    if (one.state === "running") { const [number, of, name] = one.step || [0, 1, "starting"]; const bar = made("progress", undefined, { max: of, value: number }); bar.setAttribute("aria-label", "Progress of " + one.title); const line = made("p"); line.append(bar, " " + (one.step ? number + " of " + of + ": " : "") + name); item.append(line); }
    if (one.error) item.append(made("p", one.error, { className: "bad" }));
    if (one.lines.length && (one.state === "done" || one.state === "failed")) { const more = made("details"); more.append(made("summary", "Output"), made("pre", one.lines.join("\n"))); item.append(more); }
    if (one.state === "running" || one.state === "waiting") item.append(button("Stop", "Stop " + one.title, async () => { say("Stopping..."); try { await ask("api/jobs/" + one.number, { method: "DELETE" }); say("Stopped: " + one.title); } catch (error) { say(error.message, true); } look(); }));
    return item;
  }
  function draw() {
    const text = by("search").value.trim().toLowerCase(), which = by("which").value;
    const shown = last.reports.filter((one) => (one.folder + " " + one.recording_id + " " + [...one.failures, ...one.warnings].join(" ").replaceAll("_", " ")).toLowerCase().includes(text)
      && (!which || one.verdict === which || (which === "notes" && Object.values(one.notes).some(Boolean)) || (which === "correction" && one.has_correction)));
    if (by("order").value === "newest") shown.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
    put(by("reports"), () => shown.map(reportRow), shown);
    by("count").textContent = shown.length + " of " + last.reports.length + (last.is_whole ? "" : ", and more that aren't listed");
    put(by("jobs"), () => last.jobs.map(jobItem), last.jobs);
    by("no-jobs").hidden = last.jobs.length > 0;
    const options = (names) => names.map((name) => made("option", undefined, { value: name }));
    put(by("files"), () => options(last.files), last.files);
    const corrections = [...last.reports.filter((one) => one.has_correction).map((one) => path(one.folder, "correction.json")), ...last.files.filter((name) => name.endsWith(".json"))];
    put(by("corrections"), () => options(corrections), corrections);
    const delivered = ["published", ...last.files.filter((name) => !/\.(json|vtt|srt)$/.test(name))];
    put(by("delivered"), () => options(delivered), delivered);
    const running = last.jobs.find((one) => one.state === "running"), ended = last.jobs.find((one) => one.state !== "waiting");
    const words = running ? running.title + ": " + (running.step ? running.step[2] : "starting") : ended ? ended.title + ": " + ended.state : "";
    if (words !== spoken) { spoken = words; by("progress").textContent = words; }
  }
  async function look() {
    clearTimeout(timer);
    try {
      last = await ask("api/overview");
      document.title = last.folder + " - desk"; by("title").textContent = "Desk: " + last.folder;
      draw();
    } catch (error) { say(error instanceof TypeError ? "The desk has ended. Start `komorebi-qc desk` again, and open the address that it prints." : error.message, true); }
    const busy = last && last.jobs.some((one) => one.state === "running" || one.state === "waiting");
    timer = setTimeout(look, busy ? 1000 : 5000);
  }
  const kindOf = () => form.elements.kind.value;
  function suit() { for (const one of form.querySelectorAll("[data-of]")) one.hidden = !one.dataset.of.split(" ").includes(kindOf()); }
  const fields = (name) => [...form.elements].filter((one) => one.name === name && !one.closest("[hidden]"));
  function fill(values) { // a name may be in the form twice, for two kinds of job: only one of them is shown
    form.reset(); form.elements.kind.value = values.kind; suit();
    for (const [name, value] of Object.entries(values)) for (const one of fields(name)) if (one.type === "checkbox") one.checked = value === true; else one.value = value;
    form.scrollIntoView({ block: "start" }); fields(values.kind === "correct" ? "why" : "call_end")[0].focus();
  }
  form.addEventListener("change", suit);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = {};
    for (const one of form.elements) if (one.name && !one.closest("[hidden]")) values[one.name] = one.type === "checkbox" ? one.checked : one.type === "number" ? Number(one.value) : one.value.trim();
    if (values.publish && !confirm("This replaces the published result of " + values.recording_id + ". Publish it?")) { say("Nothing was started."); return; }
    try {
      const job = await ask("api/jobs", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values) });
      say("Started: " + job.title); look();
    } catch (error) { say(error.message, true); }
  });
  by("search").addEventListener("input", () => last && draw());
  for (const id of ["which", "order"]) by(id).addEventListener("change", () => last && draw());
  suit(); look();
})();
