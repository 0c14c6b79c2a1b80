// An explorer says how high it is.
addEventListener("message", event => {
  for (const frame of document.querySelectorAll("iframe.explorer"))
    if (frame.contentWindow === event.source && event.data.explorerHeight)
      frame.style.height = `${event.data.explorerHeight + 2}px`;
});
