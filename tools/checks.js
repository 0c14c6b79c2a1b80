// What a page can tell about itself; `browser.py` gives it to every page as `checks`.
window.checks = {
  async typeset() {
    await window.MathJax?.startup?.promise;
    await window.formulas;
  },

  text() {
    const body = document.body.cloneNode(true);
    for (const part of body.querySelectorAll("pre, code, script, style, mjx-container, .picture"))
      part.remove();
    return body.textContent;
  },

  // Pictures that do not show, or have no description.
  async pictures() {
    for (const image of document.images) image.loading = "eager";
    await Promise.allSettled([...document.images].map(image => image.decode()));
    return [...document.images].filter(image => !image.naturalWidth
      || !image.alt.trim() && !image.closest("a")).map(image => image.src.slice(-60));
  },

  // What is wider than its place. On a phone, formulas and outputs may scroll in their own boxes.
  tooWide() {
    const article = document.querySelector(".bd-article"), edge = article?.getBoundingClientRect();
    const faults = document.documentElement.scrollWidth > innerWidth ? ["the page scrolls sideways"] : [];
    for (const part of article?.querySelectorAll("figure, figure img, .picture, .explorer") ?? []) {
      const box = part.getBoundingClientRect();
      if (box.right > edge.right + 2 || box.left < edge.left - 2) faults.push("a figure sticks out");
    }
    return faults;
  },

  // Faults that axe finds in what is written here; the theme and Sphinx have their own.
  async access() {
    const {violations} = await axe.run(
      {include: [["figure"], [".explorer"]], exclude: [["mjx-container > *"]]},
      {iframes: false, preload: false, resultTypes: ["violations"]});
    return violations.map(v => `${v.impact}: ${v.help}: ${v.nodes[0].html.slice(0, 150)}`);
  },
};
