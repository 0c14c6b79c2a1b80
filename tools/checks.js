// What a page can tell about itself; `browser.py` gives it to every page as `checks`.
window.checks = {
  // ---- explorers in JupyterLab ----

  // The time that a reader waits: milliseconds from the next key or press to another picture,
  // decoded, by the page's clock, so without the time to send the key to the browser; -1 after 10 s.
  timeNext(image) {
    this.latency = new Promise(resolve => {
      let pressed;
      const note = event => { pressed ??= event.timeStamp; };
      for (const kind of ["keydown", "pointerdown"])
        addEventListener(kind, note, {capture: true, once: true});
      const other = new MutationObserver(async () => {
        other.disconnect();
        await image.decode();
        resolve(performance.now() - pressed);
      });
      other.observe(image, {attributeFilter: ["src"]});
      setTimeout(() => resolve(-1), 10000);
    });
  },

  // ---- pages of the site ----

  async typeset() {
    await window.mathjaxUnpacked;
    await window.MathJax?.startup?.promise;
    await window.formulas;
  },

  // Formulas that are set before a reader sees one.
  first() { return performance.getEntriesByName("formulas")[0]?.detail ?? 0; },

  text() {
    const body = document.body.cloneNode(true);
    for (const part of body.querySelectorAll("pre, code, script, style, mjx-container, iframe"))
      part.remove();
    return body.textContent;
  },

  theme(name) { document.documentElement.dataset.theme = name; },

  drawn() { return document.querySelector(".picture").innerHTML; },

  async pictures() {
    for (const image of document.images) image.loading = "eager";
    await Promise.allSettled([...document.images].map(image => image.decode()));
    return [...document.images].map(image => [
      image.naturalWidth > 0, image.alt.trim() !== "" || image.closest("a") !== null,
      image.src.slice(-60)]);
  },

  // What is wider than its place. On a phone, formulas and outputs may scroll in their own boxes.
  async tooWide(width) {
    await window.formulas;  // all are set
    await new Promise(done => setTimeout(done, 100));
    document.getAnimations().forEach(moving => moving.finish());  // the sidebar slides in
    dispatchEvent(new Event("resize"));  // formulas are fitted to the new width before we measure
    const faults = [], wide = document.documentElement.scrollWidth;
    const article = document.querySelector(".bd-article");
    if (wide > width) faults.push(`the page is ${wide} pixels wide`);
    if (!article) return faults;
    const all = selector => [...article.querySelectorAll(selector)].filter(e => e.offsetParent);
    const count = (parts, words) => { if (parts.length) faults.push(`${parts.length} ${words}`); };
    const cut = e => e.scrollWidth > e.clientWidth + 1;
    const outputs = width < 768 ? "" : ", .cell_output pre";
    count(all(".cell_input pre, .highlight-python pre" + outputs).filter(cut),
      "pieces of code are cut");
    const edge = article.getBoundingClientRect();
    count(all("figure, figure img, figure svg:not(.clips), .cell_output img").filter(figure => {
      const box = figure.getBoundingClientRect();
      return box.right > edge.right + 2 || box.left < edge.left - 2; }), "figures stick out");
    const formulas = all("mjx-container[display=true]");
    count(formulas.filter(formula => formula.getBoundingClientRect().left < 0),
      "formulas begin left of the screen");
    if (width >= 1280) {  // a smaller formula could not be read: it scrolls
      count(formulas.filter(f => cut(f) && f.style.fontSize !== "45%"),
        "formulas are wider than the column");
      count(all("dt.sig").filter(cut), "signatures are cut");
    }
    count(all("img").filter(image => image.naturalWidth && Math.abs(image.width / image.height
      * image.naturalHeight / image.naturalWidth - 1) > 0.03), "pictures are stretched");
    return faults;
  },

  // Tags of the ledger in the prose that lead nowhere.
  unlinked(tags) {
    const apart = "a, code, pre, svg, mjx-container, h1, h2, h3, h4, figure, script, style, "
      + "button, .math, .cell_output, .cell_input, nav, summary";
    const tag = new RegExp(`(?<![\\w-])(?:${tags.join("|")})(?![\\w-])`, "g");
    const texts = document.createTreeWalker(
      document.querySelector(".bd-article") ?? document.body, NodeFilter.SHOW_TEXT);
    const loose = [];
    while (texts.nextNode())
      if (!texts.currentNode.parentElement.closest(apart))
        loose.push(...(texts.currentNode.data.match(tag) ?? []));
    return loose;
  },

  changedInTheDark() {
    return [...document.querySelectorAll(".bd-article img")].filter(
      image => getComputedStyle(image).filter !== "none").length;
  },

  // On paper: what is folded or empty, explorers without a still, code that is cut.
  async onPaper() {
    dispatchEvent(new Event("beforeprint"));
    await Promise.allSettled([...document.images].map(image => image.decode()));
    const faults = [], shown = e => e.getClientRects().length > 0;
    const count = (selector, bad, words) => {
      const n = [...document.querySelectorAll(".bd-article " + selector)].filter(bad).length;
      if (n) faults.push(`${n} ${words}`);
    };
    count("details", e => !e.open, "parts stay folded");
    count("details > *", e => getComputedStyle(e).animationName !== "none", "parts fade in");
    count("img", e => shown(e) && !e.naturalWidth, "pictures are empty");
    count("iframe", e => shown(e) || !e.parentElement.querySelector("img")?.naturalWidth,
      "explorers have no still");
    count("pre", e => e.scrollWidth > e.clientWidth + 1, "pieces of code are cut");
    dispatchEvent(new Event("afterprint"));
    return faults;
  },

  // Faults that axe finds, but not in the parts of formulas; a header that is a formula is not empty.
  async access() {
    const {violations} = await axe.run(
      {include: [["html"]], exclude: [["mjx-container > *"]]},
      {iframes: false, preload: false, resultTypes: ["violations"]});
    const formula = n => document.querySelector(n.target[0]).querySelector("mjx-container");
    return violations
      .filter(v => v.id !== "empty-table-header" || v.nodes.some(n => !formula(n)))
      .map(v => `${v.impact}: ${v.help} (${v.nodes.length}): `
        + v.nodes.slice(0, 3).map(n => n.html.slice(0, 150)).join(" | "));
  },
};
