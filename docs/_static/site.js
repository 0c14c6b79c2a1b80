// Names and keys for what the theme leaves without: the arrows of the sidebar, and boxes that scroll.
addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll(".bd-sidebar summary:not([aria-label])")) {
    const link = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", `Pages of ${link.textContent.trim()}`);
  }
  document.querySelector(".bd-sidebar-primary")?.setAttribute("role", "complementary");
  document.querySelector(".bd-sidebar-primary")?.setAttribute("aria-label", "Pages and search");
  for (const box of document.querySelectorAll(".bd-article .highlight"))
    if (!box.closest(".cell_output")) box.append(copier(box));
  for (const button of document.querySelectorAll(".enlarge")) button.onclick = () => enlarge(button);
  for (const link of document.querySelectorAll(".bd-article a.reference")) carded(link);
});
// Formulas that a reader sees on the first screens come first, the others, folded ones too, after.
window.formulas = new Promise(ready => addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  if (window.MathJax?.typesetPromise) {
    const parts = [...document.querySelectorAll(".math, .text_html > *")];
    const near = parts.filter(part => !part.matches("details:not([open])")
      && part.getBoundingClientRect().top < 2 * innerHeight);
    await MathJax.typesetPromise(near);
    performance.mark("formulas", {detail: document.querySelectorAll("mjx-container").length});
    const rest = parts.filter(part => !near.includes(part));
    for (let i = 0; i < rest.length; i += 40) await MathJax.typesetPromise(rest.slice(i, i + 40));
  }
  fit();
  const boxes = 'div.math, mjx-container[display="true"], .cell_output, pre, .pst-scrollable-table-container';
  for (const box of document.querySelectorAll(boxes))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  ready();
}));
addEventListener("resize", () => fit());

// A formula a little wider than the column becomes smaller; one that is much wider scrolls.
function fit() {
  const formulas = [...document.querySelectorAll('mjx-container[display="true"]')];
  for (const formula of formulas) formula.style.fontSize = "";
  for (let pass = 0; pass < 3; pass++) {  // a width is not quite in proportion to the size of its letters
    const ratios = formulas.map(formula => formula.clientWidth / formula.scrollWidth);
    ratios.forEach((ratio, i) => {
      const size = parseFloat(formulas[i].style.fontSize) || 100;
      if (ratio < 1) formulas[i].style.fontSize = `${Math.max(45, Math.floor(0.97 * ratio * size))}%`;
    });
  }
}

function copier(box) {
  const button = document.createElement("button");
  Object.assign(button, {className: "copy", type: "button", textContent: "Copy"});
  button.onclick = async () => {
    await navigator.clipboard.writeText(box.querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  return button;
}

function enlarge(button) {
  const dialog = document.createElement("dialog");
  dialog.className = "large";
  dialog.append(...[...button.closest("figure").children].map(child => child.cloneNode(true)));
  const close = dialog.querySelector(".enlarge");
  close.textContent = "Close";
  close.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}

// The card of a link to the ledger or to the library.
function carded(link) {
  const key = link.href.match(/(?:ledger|api)\/[^/]+$/)?.[0];
  const words = window.cards?.[key];
  if (!words) return;
  let card;
  const hide = () => { card?.remove(); card = null; };
  const show = () => {
    hide();
    card = document.createElement("div");
    card.className = "card-of-link";
    card.role = "tooltip";
    card.append(Object.assign(document.createElement("b"), {textContent: words[0]}), document.createElement("br"), words[1]);
    const box = link.getBoundingClientRect();
    card.style.top = `${box.bottom + scrollY + 4}px`;
    card.style.left = `${Math.max(8, Math.min(box.left, innerWidth - 560)) + scrollX}px`;
    document.body.append(card);
    window.MathJax?.typesetPromise?.([card]);
  };
  link.addEventListener("mouseenter", show);
  link.addEventListener("focus", show);
  link.addEventListener("mouseleave", hide);
  link.addEventListener("blur", hide);
  link.addEventListener("keydown", event => { if (event.key === "Escape") hide(); });
}

// Paper shows everything: what is folded is unfolded, and images come before the first page.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  for (const part of unfolded) part.open = true;
  for (const image of document.images) image.loading = "eager";
});
addEventListener("afterprint", () => { for (const part of unfolded) part.open = false; });
