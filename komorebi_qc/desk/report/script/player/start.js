// The start, after the envelope is inflated.
load().then(loadTurns).then(() => {
  root.classList.add("live");
  new ResizeObserver(size).observe(stage);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", size);
  size(); view(0, length); chooseAudio("result"); say("");
  if (!open()) seek(data.video ? 0 : videoAt);
  if (video.error) say(videoError);  // it may have failed before this script ran
  root.dataset.ready = "yes";
  requestAnimationFrame(follow);
  window.komorebi = Object.assign(window.komorebi || {}, { [root.id]: { seek, view, now, head: () => parseFloat(root.dataset.headS), span: () => [from, to],
    levels: () => data.audio_levels, volumes: () => ({ result: video.volume, ...Object.fromEntries(Object.entries(players).filter(([name]) => name !== "trial").map(([name, one]) => [name, one.volume])) }),
    trialPlace: (s) => place_({ ...structuredClone(tried), offset_s: s }, ""), trialLoud: async (a, b) => (await bothSides(a, b)).map((side) => side.reduce((most, v) => Math.max(most, Math.abs(v)), 0)), leftOutAt: (n) => { const box = canvas.getBoundingClientRect(); return [box.left + xOf(leftOut[n].from_s), box.top + top + 4]; }, paint: () => { const t = performance.now(); paint(); return performance.now() - t; } } });
}).catch((error) => { root.dataset.failed = String(error); });
