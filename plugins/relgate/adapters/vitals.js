// Web Vitals of a page, told as they come: what is asked for at the end of a page is lost when it is left.
// Definitions: https://web.dev/articles/lcp, /cls (session windows), /inp.
(() => {
  if (window !== window.top || !window.PerformanceObserver) return;
  const tell = (vital, value) => {
    try { window.__relgate_vital(vital, value, location.href); } catch { /* the page is being left */ }
  };
  const observe = (type, options, each) => {
    try {
      new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...options });
    } catch { /* a browser that does not know it */ }
  };
  observe("largest-contentful-paint", {}, (entry) => tell("lcp", entry.startTime / 1000));
  let shift = 0, first = 0, last = 0;
  observe("layout-shift", {}, (entry) => {
    if (entry.hadRecentInput) return;
    const goesOn = entry.startTime - last < 1000 && entry.startTime - first < 5000;
    shift = goesOn ? shift + entry.value : entry.value;
    if (!goesOn) first = entry.startTime;
    last = entry.startTime;
    tell("cls", shift);
  });
  observe("event", { durationThreshold: 16 }, (entry) => {
    if (entry.interactionId) tell("inp", entry.duration / 1000);
  });
})();
