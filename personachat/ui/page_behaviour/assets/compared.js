// Compared replies that don't fit beside each other scroll together: once one message's row has come to rest,
// the rows of the others show the same column. Following it they come to rest where they should: no echo.
// Where they don't fit, a row can have the focus, so that the arrow keys reach all of it.

import * as dom from "./dom.js"

const watched = new WeakSet()
const sizes = new ResizeObserver(entries => entries.forEach(entry => mark(entry.target)))

export function begin() {
  addEventListener("scrollend", onScrollEnd, { capture: true, passive: true })
}

function onScrollEnd(event) {
  const rows = [...dom.comparedRows()]
  if (!rows.includes(event.target)) return
  for (const row of rows) {
    const left = Math.min(event.target.scrollLeft, row.scrollWidth - row.clientWidth)
    if (Math.abs(row.scrollLeft - left) > 1) row.scrollLeft = left
  }
}

export function look() {
  for (const row of dom.comparedRows()) {
    if (watched.has(row)) continue
    watched.add(row)
    sizes.observe(row) // and tells its size at once
  }
}

function mark(row) {
  const fits = row.scrollWidth <= row.clientWidth + 1
  if (fits) for (const name of ["tabindex", "role", "aria-label"]) row.removeAttribute(name)
  else Object.assign(row, { tabIndex: 0, role: "group", ariaLabel: "Replies side by side" })
}
