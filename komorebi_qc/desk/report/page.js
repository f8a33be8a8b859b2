(function (root) {
  "use strict";
  const by = (name) => root.querySelector('[data-kq="' + name + '"]');
  const data = JSON.parse(by("data").textContent);
  by("player").innerHTML = data.player;
  const video = by("video"), stage = by("stage"), canvas = by("canvas"), message = by("message"), slider = by("slider");
  const length = data.length_s, least = 0.005, videoAt = data.video_start_s, audioAt = data.audio_start_s;
  const videoError = data.video ? "The video can't be played: keep it beside this page, with the name " + decodeURIComponent(data.video) + "." : "The video in this page can't be played.";
  let from = 0, to = length, tracks = null, details = [], frame = 0, drawnAt = -1, mode = "result", wanted = null, muted = false;
  const players = {};
  for (const [name, source] of Object.entries(data.audio)) {
    if (name === "result") continue;
    const audio = document.createElement("audio");
    audio.preload = "none"; audio.src = source; players[name] = audio;
  }

  // --- numbers
  const clock = (s, digits) => {
    const sign = s < 0 ? "-" : "", ms = Math.round(Math.abs(s) * 10 ** digits) / 10 ** digits;
    const h = Math.floor(ms / 3600), m = Math.floor(ms / 60) % 60, rest = (ms % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    return sign + String(h).padStart(2, "0") + ":" + String(m).padStart(2, "0") + ":" + rest;
  };
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  const now = () => wanted !== null ? wanted : clamp(video.currentTime + videoAt, 0, length);
  const isCovered = (t) => t >= videoAt - .001 && !(video.duration + videoAt < t - .001);  // a duration that isn't known yet counts as covered

  // --- the waveform envelope: packed extremes, inflated once, then coarser levels, four bins into one
  async function unpacked(text) {
    const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Int8Array(await new Response(stream).arrayBuffer());
  }
  const opened = (q) => q * Math.abs(q) / 16129;  // square-root companding: quiet speech keeps its shape
  function pyramid(bytes, bins, at) {
    const low = new Float32Array(bins), high = new Float32Array(bins);
    for (let i = 0; i < bins; i++) { low[i] = opened(bytes[at + i]); high[i] = opened(bytes[at + bins + i]); }
    const levels = [{ low, high, per: 1 }];
    for (let last = levels[0]; last.low.length > 4; last = levels[levels.length - 1]) {
      const n = Math.ceil(last.low.length / 4), l = new Float32Array(n), h = new Float32Array(n);
      for (let i = 0; i < n; i++) {
        let a = 1, b = -1;
        for (let k = 4 * i; k < Math.min(4 * i + 4, last.low.length); k++) { if (last.low[k] < a) a = last.low[k]; if (last.high[k] > b) b = last.high[k]; }
        l[i] = a; h[i] = b;
      }
      levels.push({ low: l, high: h, per: last.per * 4 });
    }
    return levels;
  }
  async function load() {
    const parts = await Promise.all([data.envelope, ...data.details].map(async (part) => {
      const bytes = await unpacked(part.data), names = data.tracks.map((t) => t.name), lanes = {};
      names.forEach((name, i) => { lanes[name] = pyramid(bytes, part.bins, 2 * i * part.bins); });
      return { start: part.start_s, step: part.step_s, end: part.start_s + part.step_s * part.bins, lanes };
    }));
    tracks = parts[0];
    details = parts.slice(1).sort((a, b) => a.step - b.step);
  }
  function shape(part, name, a, b, y, half, more, per) {
    // columns of one pixel; if a bin is several pixels wide, a line through the extremes
    const levels = part.lanes[name], point = (v) => y - clamp(v * more, -1, 1) * half, x0 = xOf(part.start);
    let level = levels[0];
    for (const l of levels) if (l.per * part.step <= per) level = l;
    const step = level.per * part.step, n = level.low.length;
    const first = Math.max(0, Math.floor((a - part.start) / step)), last = Math.min(n, Math.ceil((b - part.start) / step));
    if (step > per * 3) {
      pen.beginPath();
      for (let i = first; i < last; i++) pen.lineTo(x0 + (i + .5) * step / per, point(level.high[i]));
      for (let i = last - 1; i >= first; i--) pen.lineTo(x0 + (i + .5) * step / per, point(level.low[i]));
      pen.closePath(); pen.fill(); pen.stroke();
      return;
    }
    const wide = Math.max(1, Math.ceil(step / per));
    for (let i = first; i < last;) {
      const x = Math.floor(x0 + i * step / per);
      let low = 1, high = -1;
      for (; i < last && Math.floor(x0 + i * step / per) === x; i++) { if (level.low[i] < low) low = level.low[i]; if (level.high[i] > high) high = level.high[i]; }
      const above = point(high);
      pen.fillRect(x, above, wide, Math.max(1, point(low) - above));
    }
  }

  // --- drawing
  const pen = canvas.getContext("2d"), lane = 76, gap = 8, top = 36, foot = 24, bandLane = 13, bandText = 15;
  const bandRows = [["call", "Call: agreement with the recording"], ["recording", "Recording: speech that the call audio doesn't have"]].filter(([row]) => data.bands.some((b) => b.row === row));
  const bandHeight = bandRows.length * (bandText + bandLane) + (bandRows.length ? 6 : 0);
  let gain = "auto", width = 0, ratio = 1, colours = {}, shown = [], hatch = null, fills = {}, focused = false;
  const names = ["ink", "soft", "line", "paper", "lane", "customer", "agent", "recording", "output", "mark", "head", "fail", "accent", "quiet", "agrees", "silent", "absent", "contradicts", "suspended", "other", "only"];
  function readStyle() {
    const style = getComputedStyle(root);
    for (const name of names) colours[name] = style.getPropertyValue("--" + name).trim();
    const tile = document.createElement("canvas"), p = tile.getContext("2d");
    tile.width = tile.height = 8; p.strokeStyle = colours.mark; p.lineWidth = 1.5;
    p.beginPath(); for (const d of [-8, 0, 8]) { p.moveTo(d, 8); p.lineTo(d + 8, 0); } p.stroke();
    hatch = pen.createPattern(tile, "repeat");
    fills = { agrees: colours.agrees };  // each kind has its own pattern, so that no one needs the colours
    for (const [kind, lines] of Object.entries({ silent: [[0, 0, 0, 6]], absent: [[0, 6, 6, 0]], contradicts: [[0, 0, 6, 6], [0, 6, 6, 0]], suspended: [[0, 3, 6, 3], [3, 0, 3, 6]], redacted: [[3, 0, 3, 6]], other: [[0, 3, 6, 3]], only: [[0, 0, 6, 6]] })) {
      const t = document.createElement("canvas"), q = t.getContext("2d");
      t.width = t.height = 6; q.strokeStyle = colours[kind === "redacted" ? "suspended" : kind]; q.lineWidth = kind === "silent" ? 4 : 2; q.beginPath();
      for (const [a, b, c, d] of lines) { q.moveTo(a, b); q.lineTo(c, d); }
      q.stroke(); fills[kind] = pen.createPattern(t, "repeat");
    }
  }
  function size() {
    shown = data.tracks.filter((t) => t.name !== "output" || by("output").getAttribute("aria-pressed") === "true");
    width = Math.max(200, stage.clientWidth); ratio = window.devicePixelRatio || 1;
    const height = top + shown.length * (lane + gap) + bandHeight + foot;
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); canvas.style.height = height + "px";
    readStyle(); redraw();
  }
  const xOf = (s) => (s - from) / (to - from) * width, sOf = (x) => from + x / width * (to - from);
  const ticks = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  function loudest(part, name, a, b) {
    const levels = part.lanes[name];
    let level = levels[0];
    for (const l of levels) if (l.per * part.step <= (b - a) / 60) level = l;
    const step = level.per * part.step, first = Math.max(0, Math.floor((a - part.start) / step)), last = Math.min(level.low.length, Math.ceil((b - part.start) / step));
    let most = 0;
    for (let i = first; i < last; i++) most = Math.max(most, level.high[i], -level.low[i]);
    return most;
  }
  function raised(name) {  // auto: the visible part fills its row, in steps, up to 8 times the gain of the whole
    if (gain !== "auto") return parseFloat(gain);
    const whole = loudest(tracks, name, 0, length);
    if (whole < 3e-4) return 1;  // silent
    const here = Math.max(loudest(tracks, name, from, to), whole / 8);
    return clamp(2 ** (Math.floor(2 * Math.log2(.95 / here)) / 2), 1, 100);
  }
  function stretches() {
    for (const span of data.spans) {
      const a = xOf(span.from_s), b = xOf(span.to_s), i = shown.findIndex((t) => t.name === span.track);
      if (span.kind === "masked" && b >= 0 && a <= width) {  // of all tracks, under its suspensions and redactions
        pen.globalAlpha = .22; pen.fillStyle = colours.suspended; pen.fillRect(a, top, Math.max(2, b - a), shown.length * (lane + gap) - gap); pen.globalAlpha = 1;
        continue;
      }
      if ((span.kind === "suspended" || span.kind === "redacted") && b >= 0 && a <= width) {  // of all tracks
        const w = Math.max(2, b - a), h = shown.length * (lane + gap) - gap;
        pen.globalAlpha = .35; pen.fillStyle = fills[span.kind]; pen.fillRect(a, top, w, h); pen.globalAlpha = 1;
        pen.strokeStyle = colours.suspended; pen.lineWidth = 2; pen.strokeRect(a + 1, top + 1, Math.max(0, w - 2), h - 2);
        continue;
      }
      if (b < 0 || a > width || i < 0) continue;
      const y = top + i * (lane + gap), w = Math.max(2, b - a), middle = clamp((a + b) / 2, a, a + w);
      if (span.kind === "silence") { pen.fillStyle = colours.quiet; pen.fillRect(a, y + lane - 4, w, 4); }
      else if (span.kind === "hold") { pen.globalAlpha = .45; pen.fillStyle = hatch; pen.fillRect(a, y, w, lane); pen.globalAlpha = 1; pen.strokeStyle = colours.mark; pen.lineWidth = 1; pen.strokeRect(a + .5, y + .5, w - 1, lane - 1); }
      else {
        pen.fillStyle = colours.fail; pen.globalAlpha = .3; pen.fillRect(a, y, w, lane); pen.globalAlpha = 1;
        const up = span.kind === "dropout", base = up ? y + lane : y, tip = up ? base - 8 : base + 8;
        pen.beginPath(); pen.moveTo(middle - 5, base); pen.lineTo(middle + 5, base); pen.lineTo(middle, tip); pen.fill();
      }
    }
  }
  function bands() {
    bandRows.forEach(([row, label], i) => {
      const y = top + shown.length * (lane + gap) + i * (bandText + bandLane) + bandText;
      pen.fillStyle = colours.lane; pen.globalAlpha = .8; pen.fillRect(4, y - bandText, pen.measureText(label).width + 8, bandText); pen.globalAlpha = 1;
      pen.fillStyle = colours.soft; pen.fillText(label, 8, y - 4);
      for (const band of data.bands) {
        if (band.row !== row) continue;
        const a = clamp(xOf(band.from_s), -2, width + 2), b = clamp(xOf(band.to_s), -2, width + 2);
        if (b <= -2 || a >= width + 2) continue;
        const w = Math.max(2, b - a);
        pen.fillStyle = fills[band.kind]; pen.fillRect(a, y, w, bandLane);
        pen.strokeStyle = colours[band.kind]; pen.lineWidth = 1; pen.strokeRect(a + .5, y + .5, Math.max(1, w - 1), bandLane - 1);
      }
    });
  }
  function waves(per) {
    const fine = per < tracks.step ? details.filter((p) => p.step < tracks.step && p.end > from && p.start < to) : [];
    let bare = false;
    shown.forEach((track, i) => {
      const y = top + i * (lane + gap) + lane / 2, more = raised(track.name);
      pen.strokeStyle = colours.line; pen.lineWidth = 1; pen.beginPath(); pen.moveTo(0, y + .5); pen.lineTo(width, y + .5); pen.stroke();
      pen.fillStyle = pen.strokeStyle = colours[track.name];
      const piece = (part, a, b) => {
        pen.save(); pen.beginPath(); pen.rect(xOf(a), y - lane / 2, xOf(b) - xOf(a), lane); pen.clip();
        shape(part, track.name, Math.max(from, a - 2 * part.step), Math.min(to, b + 2 * part.step), y, lane / 2 - 2, more, per); pen.restore();
      };
      let open = [[from, to]];
      for (const p of fine) {
        const rest = [];
        for (const [a, b] of open) {
          const x = Math.max(a, p.start), z = Math.min(b, p.end);
          if (x >= z) { rest.push([a, b]); continue; }
          piece(p, x, z);
          if (a < x) rest.push([a, x]);
          if (z < b) rest.push([z, b]);
        }
        open = rest;
      }
      for (const [a, b] of open) piece(tracks, a, b);
      bare = bare || open.some(([a, b]) => b - a > per * 8 && Math.min(b, length) > a);
      const label = track.label + (more > 1.01 ? "  \u00d7" + (more < 10 ? more.toFixed(1).replace(/\.0$/, "") : Math.round(more)) : "");
      pen.fillStyle = colours.lane; pen.globalAlpha = .8; pen.fillRect(4, y - lane / 2 + 1, pen.measureText(label).width + 8, 16); pen.globalAlpha = 1;
      pen.fillStyle = colours.ink; pen.fillText(label, 8, y - lane / 2 + 13);
    });
    return bare && tracks.step > 4 * per;
  }
  function axis(height) {
    const step = ticks.find((t) => (to - from) / t <= width / 90) || 7200, digits = step >= 1 ? 0 : Math.ceil(-Math.log10(step) - 1e-9);
    pen.fillStyle = colours.soft; pen.textAlign = "center";
    for (let k = Math.ceil(from / step - 1e-9); k * step <= to; k++) {
      const x = xOf(k * step);
      pen.fillRect(x, height - foot, 1, 5); if (x > 38 && x < width - 38) pen.fillText(clock(k * step, digits), x, height - 7);
    }
    pen.textAlign = "left";
  }
  function signs(height) {
    const seen = data.marks.filter((m) => m.at_s >= from - (to - from) * .002 && m.at_s <= to + (to - from) * .002);
    for (const mark of seen) {
      const x = xOf(mark.at_s);
      pen.strokeStyle = colours[mark.colour] || colours.mark; pen.lineWidth = 2; pen.setLineDash(mark.dash); pen.beginPath(); pen.moveTo(x, top - 3); pen.lineTo(x, height - foot); pen.stroke(); pen.setLineDash([]);
    }
    const taken = [[], []];  // two rows of labels, by rank, while there is room
    for (const mark of [...seen].sort((a, b) => a.rank - b.rank)) {
      const x = xOf(mark.at_s), w = pen.measureText(mark.label).width;
      for (const at of [x + 3, x - w - 3]) {
        if (at < 0 || at + w > width) continue;
        const row = taken.findIndex((r) => r.every(([a, b]) => at > b + 6 || at + w < a - 6));
        if (row < 0) continue;
        taken[row].push([at, at + w]); pen.fillStyle = colours.ink; pen.fillText(mark.label, at, 13 + 15 * row);
        break;
      }
    }
  }
  function paint() {
    frame = 0;
    if (!tracks) return;
    const began = performance.now(), height = canvas.height / ratio, per = (to - from) / width;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colours.lane; pen.fillRect(0, 0, width, height);
    pen.font = "12px system-ui, sans-serif"; pen.textBaseline = "alphabetic";
    stretches();
    const bare = waves(per);
    bands();
    axis(height); signs(height);
    const t = now(), head = xOf(t);
    pen.fillStyle = colours.head; pen.fillRect(head - 1, 0, 2, height - foot);
    pen.beginPath(); pen.moveTo(head - 6, 0); pen.lineTo(head + 6, 0); pen.lineTo(head, 8); pen.fill();
    const note = bare ? "The waveform is stored in steps of " + Math.round(tracks.step * 1000) + " ms here; more detail is available near findings and marks (n, p)." : "";
    if (by("grain").textContent !== note) by("grain").textContent = note;
    root.dataset.frameMs = (performance.now() - began).toFixed(2); root.dataset.headS = t.toFixed(4);
  }
  function redraw() { if (!frame) frame = requestAnimationFrame(paint); }
  function view(a, b) {
    const span = clamp(b - a, Math.min(least, length), length);
    const start = clamp(a, 0, length - span);
    from = start; to = start + span; redraw();
    by("span").textContent = "Showing " + (span >= 60 ? clock(span, 0) : span >= 1 ? span.toFixed(1) + " s" : (span * 1000).toFixed(span < .02 ? 1 : 0) + " ms") + ".";
  }
  function zoom(by_, at) { const s = at === undefined ? clamp(now(), from, to) : at, span = (to - from) * by_; view(s - (s - from) * by_, s - (s - from) * by_ + span); }

  // --- playing: the video is the clock; another audio track follows it
  function follow() {
    // A seek to the current position may end without an event.
    if (wanted !== null && isCovered(wanted) && video.readyState && !video.seeking && (!video.paused || Math.abs(video.currentTime + videoAt - wanted) < .001)) wanted = null;
    const t = now();
    if (t !== drawnAt) {
      drawnAt = t;
      if (!video.paused && wanted === null && (t > to || t < from)) view(t, t + (to - from));
      by("clock").textContent = clock(t, 3);
      slider.value = String(t); slider.setAttribute("aria-valuetext", clock(t, 3));
      redraw();
    }
    keepUp();
    requestAnimationFrame(follow);
  }
  function keepUp() {  // the other track catches up by its speed, or by a seek if it is far off
    const other = players[mode];
    if (!other || video.paused || other.paused || other.seeking || video.seeking || other.readyState < 3) return;
    const late = video.currentTime + videoAt - audioAt - other.currentTime;
    root.dataset.audioOffMs = (late * 1000).toFixed(1);
    if (Math.abs(late) > .25) other.currentTime += late;
    else {  // a visible lag is corrected within half a second, the rest inaudibly
      const most = Math.abs(late) > .03 ? .2 : .05;
      other.playbackRate = video.playbackRate * (Math.abs(late) > .008 ? 1 + clamp(late * (most > .1 ? 4 : 1), -most, most) : 1);
    }
  }
  function seek(s, around) {
    const t = clamp(s, 0, length);
    wanted = t;
    if (isCovered(t)) video.currentTime = t - videoAt;
    else { video.pause(); say(data.video ? "The video doesn't cover this moment." : "The excerpt in this page doesn't cover this moment."); }
    if (players[mode]) players[mode].currentTime = Math.max(0, t - audioAt);
    if (around && (t < from || t > to || to - from > around)) view(t - around / 2, t + around / 2);
    else if (t < from || t > to) view(t - (to - from) / 2, t + (to - from) / 2);
    redraw();
  }
  video.addEventListener("seeked", () => { if (wanted !== null && isCovered(wanted)) wanted = null; drawnAt = -1; });
  video.addEventListener("loadedmetadata", () => { if (wanted !== null) seek(wanted); });
  video.addEventListener("error", () => say(videoError));
  const sync = () => { const other = players[mode]; if (!other) return; other.currentTime = Math.max(0, now() - audioAt); other.playbackRate = video.playbackRate; if (video.paused) other.pause(); else other.play().catch(() => say("This audio track can't be played: keep the audio folder beside this page.")); };
  for (const name of ["play", "pause", "ratechange"]) video.addEventListener(name, sync);
  video.addEventListener("play", () => { by("play").textContent = "Pause"; by("play").setAttribute("aria-pressed", "true"); });
  video.addEventListener("pause", () => { by("play").textContent = "Play"; by("play").setAttribute("aria-pressed", "false"); });
  video.addEventListener("volumechange", () => { if (mode === "result" && video.muted !== muted) { muted = video.muted; by("mute").setAttribute("aria-pressed", String(muted)); } });
  function mute() {
    muted = !muted; hush();
    by("mute").setAttribute("aria-pressed", String(muted)); say(muted ? "Muted." : data.audio_messages[mode]);
  }
  function hush() { video.muted = muted || mode !== "result"; for (const other of Object.values(players)) other.muted = muted; }
  function chooseAudio(name) {
    if (!(name in data.audio)) return;
    for (const other of Object.values(players)) other.pause();
    mode = name; hush();
    for (const button of root.querySelectorAll("[data-audio]")) button.setAttribute("aria-pressed", String(button.dataset.audio === name));
    sync(); say(data.audio_messages[name]);
  }
  function say(text) { message.textContent = text; }
  const toggle = () => { if (video.paused && !isCovered(now())) { seek(videoAt, 4); } if (video.paused) video.play().catch(() => say(videoError)); else video.pause(); };

  // --- moments
  const moments = data.moments;
  function go(i) {
    if (!moments.length) { say("No finding has a position."); return; }
    const moment = moments[(i + moments.length) % moments.length];
    seek(moment.at_s, 4); say(moment.text);
    light(moment.rows);
  }
  function light(rows) {
    for (const row of root.querySelectorAll("tr.now")) row.classList.remove("now");
    for (const n of rows) root.querySelector('tr[data-row="' + n + '"]').classList.add("now");
  }
  function next(by_) {
    const t = now(), eps = .0015;
    const i = by_ > 0 ? moments.findIndex((m) => m.at_s > t + eps) : moments.map((m) => m.at_s < t - eps).lastIndexOf(true);
    go(i < 0 ? (by_ > 0 ? 0 : moments.length - 1) : i);
  }
  async function copy() {
    const at = "#t=" + now().toFixed(3), link = location.href.split("#")[0] + at;
    if (data.alone) history.replaceState(null, "", at);
    try { await navigator.clipboard.writeText(link); say("Link copied: " + link); } catch {
      const box = document.createElement("textarea"), back = document.activeElement;
      box.value = link; root.append(box); box.select();
      const done = document.execCommand("copy");
      box.remove(); if (back) back.focus();
      say((done ? "Link copied: " : "Copy this link: ") + link);
    }
  }
  function open() { const m = /[#&]t=(\d+(?:\.\d+)?)/.exec(location.hash); if (m) { seek(parseFloat(m[1]), 4); return true; } return false; }
  window.addEventListener("hashchange", open);
  let folded = [];
  window.addEventListener("beforeprint", () => { folded = [...root.querySelectorAll("details.passing:not([open])")]; for (const d of folded) d.open = true; });
  window.addEventListener("afterprint", () => { for (const d of folded) d.open = false; folded = []; });
  root.addEventListener("click", (e) => {
    const link = e.target.closest("a[data-at]");
    if (link) { e.preventDefault(); seek(Math.max(0, parseFloat(link.dataset.at)), 4); say(link.title || ""); light("of" in link.dataset ? [link.dataset.of] : []); by("player").scrollIntoView({ block: "nearest" }); return; }
    const button = e.target.closest("button");
    if (!button) return;
    const act = { play: toggle, next: () => next(1), before: () => next(-1), copy, mute, output, wider: () => zoom(2), closer: () => zoom(.5), all: () => view(0, length),
      back: () => seek(now() - .01), on: () => seek(now() + .01) }[button.dataset.kq];
    if (act) act();
    else if (button.dataset.audio) chooseAudio(button.dataset.audio);
  });
  function output() {
    const button = by("output");
    if (button.hidden) { say("No unified recording was written, so it has no waveform."); return; }
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true")); size();
  }
  slider.addEventListener("input", () => seek(parseFloat(slider.value)));
  by("gain").addEventListener("change", (e) => { gain = e.target.value; redraw(); });

  // --- keys, wheel, drag
  const keys = { " ": toggle, k: toggle, ArrowLeft: () => seek(now() - (to - from) / 20), ArrowRight: () => seek(now() + (to - from) / 20), ",": () => seek(now() - .01), ".": () => seek(now() + .01),
    n: () => next(1), p: () => next(-1), "+": () => zoom(.5), "=": () => zoom(.5), "-": () => zoom(2), 0: () => view(0, length), Home: () => seek(0), End: () => seek(length), c: copy,
    m: mute, o: output };
  Object.keys(data.audio).forEach((name, i) => { keys[String(i + 1)] = () => chooseAudio(name); });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    const on = e.target, inside = root.contains(on), typing = /^(INPUT|SELECT|TEXTAREA)$/.test(on.tagName) || on.isContentEditable;
    if (!inside && !(data.alone && on === document.body)) return;
    if (typing && on !== slider) return;
    if (on === slider && /^(Arrow|Home|End)/.test(e.key)) return;
    if (e.key === " " && /^(BUTTON|A|SUMMARY|VIDEO)$/.test(on.tagName)) return;
    const act = keys[e.key];
    if (act) { e.preventDefault(); act(); }
  });
  stage.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.shiftKey && Math.abs(e.deltaY) > Math.abs(e.deltaX) && document.activeElement !== stage) return;
    e.preventDefault();
    const at = sOf(e.clientX - canvas.getBoundingClientRect().left);
    if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) { const d = (e.deltaX || e.deltaY) / width * (to - from); view(from + d, to + d); } else zoom(Math.exp(clamp(e.deltaY, -300, 300) / 300), at);
  }, { passive: false });
  const fingers = new Map();
  let grab = null;
  stage.addEventListener("pointerdown", (e) => { stage.setPointerCapture(e.pointerId); fingers.set(e.pointerId, e.clientX); grab = { x: e.clientX, from, to, moved: false, two: null };
    if (fingers.size === 2) { const [a, b] = [...fingers.values()]; grab.two = Math.abs(a - b); } });
  stage.addEventListener("pointermove", (e) => {
    if (!fingers.has(e.pointerId) || !grab) return;
    fingers.set(e.pointerId, e.clientX);
    if (fingers.size === 2 && grab.two) { const [a, b] = [...fingers.values()], f = grab.two / Math.max(8, Math.abs(a - b)), mid = sOf((a + b) / 2 - canvas.getBoundingClientRect().left); const span = (grab.to - grab.from) * f; view(mid - span / 2, mid + span / 2); grab.moved = true; return; }
    const d = (grab.x - e.clientX) / width * (grab.to - grab.from);
    if (Math.abs(e.clientX - grab.x) > 3) grab.moved = true;
    if (grab.moved) view(grab.from + d, grab.to + d);
  });
  const release = (e) => { if (grab && !grab.moved && e.type === "pointerup" && fingers.size === 1) seek(sOf(e.clientX - canvas.getBoundingClientRect().left)); fingers.delete(e.pointerId); if (!fingers.size) grab = null; };
  stage.addEventListener("pointerup", release); stage.addEventListener("pointercancel", release);

  load().then(() => {
    root.classList.add("live");
    new ResizeObserver(size).observe(stage);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", size);
    size(); view(0, length); chooseAudio("result"); say("");
    if (!open()) seek(data.video ? 0 : videoAt);
    if (video.error) say(videoError);  // it may have failed before this script ran
    root.dataset.ready = "yes";
    requestAnimationFrame(follow);
    window.komorebi = Object.assign(window.komorebi || {}, { [root.id]: { seek, view, now, head: () => parseFloat(root.dataset.headS), span: () => [from, to], paint: () => { const t = performance.now(); paint(); return performance.now() - t; } } });
  }).catch((error) => { root.dataset.failed = String(error); });
})(document.getElementById("@ID@"));
