// Compared replies that don't fit beside each other scroll together: once one message's row has come to rest,
// the rows of the others show the same column. Following it they come to rest where they should: no echo.

import * as dom from "./dom.js"

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

export function look() {}
