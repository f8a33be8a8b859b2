// The start, after the envelope is inflated.

loadEnvelopes()
  .then(loadTurns)
  .then(() => {
    root.classList.add("live");
    new ResizeObserver(resize).observe(stage);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", resize);
    resize();
    setView(0, durationS);
    chooseAudio("result");
    if (!followAddress()) seek(data.video ? 0 : videoStartS);
    // It may have failed before this script ran.
    if (video.error) showVideoError();
    root.dataset.ready = "yes";
    requestAnimationFrame(everyFrame);
    window.komorebi = Object.assign(window.komorebi || {}, {
      [root.id]: {
        seek,
        view: setView,
        now: playheadS,
        head: () => parseFloat(root.dataset.headS),
        span: () => [viewFrom, viewTo],
        levels: () => data.audio_levels,
        volumes: () => ({
          result: video.volume,
          ...Object.fromEntries(
            Object.entries(audioPlayers)
              .filter(([name]) => name !== "trial")
              .map(([name, one]) => [name, one.volume]),
          ),
        }),
        trialPlace: (s) => tryPlace({ ...structuredClone(triedPlace), offset_s: s }, ""),
        trialLoud: async (a, b) =>
          (await renderSides(a, b)).map((side) => side.reduce((most, v) => Math.max(most, Math.abs(v)), 0)),
        leftOutAt: (n) => {
          const box = canvas.getBoundingClientRect();
          return [box.left + xAt(leftOut[n].from_s), box.top + headerHeight + 4];
        },
        paint: () => {
          const t = performance.now();
          paint();
          return performance.now() - t;
        },
      },
    });
  })
  .catch((error) => {
    root.dataset.failed = String(error);
    announce("The player can't start in this browser: " + error + ". The figure, the findings and the video work.");
  });
