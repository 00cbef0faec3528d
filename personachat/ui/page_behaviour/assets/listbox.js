// The list of personas is one stop of the Tab key: within it the arrows go from row to row, Home and End to the
// first and the last, Page Up and Page Down ten rows on. The row that is open is said to be the current one.

const ROWS = ".st-key-persona_rows"
const STRIDE = 10

export function begin() {
  addEventListener("keydown", onKey, { capture: true })
  addEventListener("focusin", event => event.target.closest?.(ROWS) && mark(), { capture: true, passive: true })
}

export function look() {
  mark()
}

function rows() {
  const found = document.querySelectorAll(`${ROWS} :is(button, input[type="checkbox"]:not(:disabled))`)
  return [...found].filter(each => each.checkVisibility?.() ?? true)
}

function mark() {
  const all = rows()
  if (!all.length) return
  const current = all.find(each => each.dataset.testid === "stBaseButton-secondary")
  const stop = all.find(each => each === document.activeElement) ?? current ?? all[0]
  for (const each of all) {
    const index = each === stop ? 0 : -1
    if (each.tabIndex !== index) each.tabIndex = index
    if (each === current) each.setAttribute("aria-current", "true")
    else each.removeAttribute("aria-current")
  }
  if (current) bringIntoView(current)
}

let inView = ""

/** Scroll the list, and nothing else, to the row that has become the current one. */
function bringIntoView(row) {
  const list = row.closest(ROWS)
  const name = row.closest('[class*="st-key-persona-"]')?.className ?? ""
  if (name === inView || !list.clientHeight) return
  inView = name
  const { top, bottom } = row.getBoundingClientRect()
  const place = list.getBoundingClientRect()
  if (top < place.top || bottom > place.bottom)
    list.scrollTop += (top + bottom - place.top - place.bottom) / 2
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !event.target.closest?.(ROWS)) return
  const all = rows()
  const at = all.indexOf(event.target)
  if (at < 0) return
  const to = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + STRIDE,
    PageUp: at - STRIDE,
    Home: 0,
    End: all.length - 1,
  }[event.key]
  if (to === undefined) return
  event.preventDefault()
  event.stopPropagation()
  all[Math.max(0, Math.min(to, all.length - 1))].focus()
}
