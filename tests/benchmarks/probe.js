// Measures in the page. Loaded by the benchmarks; everything is asked for by rows' labels, as tests do.
window.lgvizProbe = {
  start: 0,
  newest(label) {
    return document.querySelector(`[data-testid="lgviz-row"][data-label="${label}"]`);
  },
  // Milliseconds from `start` until a frame in which `there` holds has been painted.
  until(there) {
    return new Promise((resolve) => {
      const look = () => {
        if (!there()) return requestAnimationFrame(look);
        const channel = new MessageChannel();
        channel.port1.onmessage = () => resolve(performance.now() - this.start);
        channel.port2.postMessage(null); // delivered after the paint of the frame that is being made
      };
      look();
    });
  },
  painted(label) {
    return this.until(() => this.newest(label));
  },
  // The same, from the next click on an element on.
  clicked(testid, label) {
    const options = { capture: true, once: true };
    const element = document.querySelector(`[data-testid="${testid}"]`);
    element.addEventListener("click", () => { this.start = performance.now(); }, options);
    return this.painted(label);
  },
  // From the next click on, wherever it is, until each selector finds an element with its text.
  await(texts) {
    this.start = Infinity;
    const options = { capture: true, once: true };
    document.addEventListener("click", (event) => { this.start = event.timeStamp; }, options);
    const has = ([selector, text]) =>
      [...document.querySelectorAll(selector)].some((one) => one.textContent.includes(text));
    this.seen = this.until(() => this.start < Infinity && Object.entries(texts).every(has));
  },
  // Runs code in the notebook's kernel, beside the cells, and waits for the row it brings.
  async run(code, label) {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    this.start = performance.now();
    const done = kernel.requestExecute({ code, silent: true }).done;
    const time = await this.painted(label);
    await done;
    return time;
  },
  nodes(testid) {
    return document.querySelector(`[data-testid="${testid}"]`).querySelectorAll("*").length;
  },
  // Scrolls a little in each of some frames, as a wheel does, and marks each frame.
  scroll(frames, pixels) {
    const tree = document.querySelector('[data-testid="lgviz-tree"]');
    return new Promise((resolve) => {
      let left = frames;
      const step = () => {
        performance.mark("lgviz-frame");
        tree.scrollTop += pixels;
        if (left-- > 0) requestAnimationFrame(step);
        else resolve(tree.scrollTop);
      };
      tree.scrollTop = 1_000_000;
      requestAnimationFrame(() => requestAnimationFrame(step));
    });
  },
};
