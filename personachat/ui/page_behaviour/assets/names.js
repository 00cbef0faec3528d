// Names for those who hear a page: Streamlit calls a menu by the Markdown of its button, and an icon among words by
// its glyph. An icon that begins a line is beside the words that say the same; elsewhere it stands for a word.

import * as dom from "./dom.js"

const SMALL = /^:small\[(.*)\]$/s

export function begin() {}

export function look() {
  for (const menu of dom.menusNamedInMarkdown()) menu.ariaLabel = menu.ariaLabel.replace(SMALL, "$1")
  for (const icon of dom.iconsNamedAfterGlyphs()) {
    if (beginsLine(icon)) icon.ariaHidden = "true"
    else icon.ariaLabel = icon.textContent.replaceAll("_", " ")
  }
}

function beginsLine(icon) {
  const line = icon.closest(dom.LINE)?.textContent.trim() ?? ""
  return line.startsWith(icon.textContent) && line.length > icon.textContent.length
}
