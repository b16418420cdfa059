// Each frame is as high as what it shows, at any width of the window.
for (const frame of document.querySelectorAll("iframe")) {
  let width = 0;
  const fit = () => {
    const page = frame.contentDocument;
    if (!page?.body || page.readyState !== "complete") return;
    frame.style.height = "0";
    frame.style.height = `${page.documentElement.scrollHeight}px`;
  };
  frame.addEventListener("load", fit);
  new ResizeObserver(() => {
    if (frame.clientWidth === width) return;
    width = frame.clientWidth;
    fit();
  }).observe(frame);
  fit();
}
