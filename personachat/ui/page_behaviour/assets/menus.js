// One menu in sight: on the chat page Streamlit's own, for the theme and for printing, is opened from ours.

import * as dom from "./dom.js"

export function begin() {
  addEventListener("click", onClick, { capture: true, passive: true })
}

function onClick(event) {
  const item = event.target.closest?.('[role="menuitem"], [role="option"]')
  if (item?.textContent.trim() === "Theme and print") setTimeout(() => dom.streamlitMenu()?.click())
}

export function look() {
  document.documentElement.toggleAttribute("data-chat-menu", dom.hasChatMenu())
}
