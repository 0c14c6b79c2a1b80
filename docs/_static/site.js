// Names and keys for what the theme leaves without: the arrows of the sidebar, and boxes that scroll.
addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll(".bd-sidebar summary:not([aria-label])")) {
    const link = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", `Pages of ${link.textContent.trim()}`);
  }
});
addEventListener("load", async () => {
  await window.mathjaxUnpacked;
  await window.MathJax?.startup?.promise;
  const boxes = 'div.math, mjx-container[display="true"], .cell_output, pre, .pst-scrollable-table-container';
  for (const box of document.querySelectorAll(boxes))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
});

// An explorer says how high it is.
addEventListener("message", event => {
  for (const frame of document.querySelectorAll("iframe.explorer"))
    if (frame.contentWindow === event.source && event.data.explorerHeight)
      frame.style.height = `${event.data.explorerHeight + 2}px`;
});
