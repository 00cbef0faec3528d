// What is wider than its place and scrolls by itself is reached by keyboard: code, tables, formulas.

const WIDE = ["pre", "table", ".katex-display"]
const UNREACHED = WIDE.map(name => `#stMain [data-testid="stChatMessage"] ${name}:not([tabindex])`).join()

export function begin() {}

export function look() {
  for (const part of document.querySelectorAll(UNREACHED)) {
    if (part.scrollWidth <= part.clientWidth) continue
    part.tabIndex = 0
    if (part.localName === "pre") Object.assign(part, { role: "group", ariaLabel: "Code" })
  }
}
