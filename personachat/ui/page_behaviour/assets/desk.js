// The personas page where the window is wide: the list makes room for the editor and the chat beside it. A button, or
// Ctrl+P, brings it back: the button until it is pressed again, the keys until a persona is chosen. The chat's log is
// as high as the window leaves room for, with the box below it in view.

import * as dom from "./dom.js"

const KEPT = "personachat-list" // whether the list is to stay open, in this browser

const LEAST = 160 // pixels of the log: some five lines
const MARGIN = 16

const wide = matchMedia("(min-width: 1100px)")
let peeking = false

export function begin(_page, plan) {
  addEventListener("click", event => onClick(event, plan), { capture: true })
  addEventListener("keydown", event => onKey(event, plan), { capture: true })
  wide.addEventListener("change", plan)
  addEventListener("resize", plan, { passive: true })
}

export function look() {
  if (!dom.isPersonasPage()) {
    peeking = false
    return
  }
  const opened = peeking || isKept()
  if ("listOpen" in document.documentElement.dataset !== opened)
    document.documentElement.toggleAttribute("data-list-open", opened)
  const button = dom.listButton()
  if (button && button.ariaExpanded !== String(opened)) button.ariaExpanded = String(opened)
  if (wide.matches && dom.isTryOutChosen()) dom.firstTab()?.click() // its tab is not there any more
  if (wide.matches) fit()
}

/** The pane may be stuck to the window's top; the room is that of a page that is not scrolled. */
function fit() {
  const log = dom.tryOutLog()
  const pane = dom.tryOutPane()
  const column = pane?.closest('[data-testid="stColumn"]')
  if (!log || !column) return
  const inside = log.getBoundingClientRect()
  const around = pane.getBoundingClientRect()
  const above = column.getBoundingClientRect().top + (dom.main()?.scrollTop ?? 0) + inside.top - around.top
  const room = innerHeight - above - (around.bottom - inside.bottom) - MARGIN
  const height = `${Math.max(LEAST, Math.round(room))}px`
  const { style } = document.documentElement
  if (style.getPropertyValue("--try-out-height") !== height) style.setProperty("--try-out-height", height)
}

function onClick(event, plan) {
  const { target } = event
  const button = dom.listButton()
  if (button?.contains(target)) {
    event.preventDefault()
    event.stopPropagation()
    const opens = !(peeking || isKept())
    peeking = false
    keep(opens)
    plan()
  } else if (peeking && target.closest?.(dom.PERSONA_ROW)) peeking = false
}

function onKey(event, plan) {
  if (!dom.isPersonasPage() || dom.overlay()) return
  if (event.key === "Escape" && peeking && event.target === dom.searchField()) {
    peeking = false
    plan()
  }
  const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey
  if (!dom.isFinder(event) && !(isSlash && !dom.isField(event.target))) return
  event.preventDefault()
  event.stopPropagation()
  peeking = !isKept()
  look()
  const field = dom.searchField()
  field?.focus()
  field?.select()
}

function isKept() {
  try {
    return localStorage.getItem(KEPT) === "open"
  } catch {
    return false // a browser that keeps nothing
  }
}

function keep(opened) {
  try {
    localStorage.setItem(KEPT, opened ? "open" : "closed")
  } catch {
    peeking = opened
  }
}
