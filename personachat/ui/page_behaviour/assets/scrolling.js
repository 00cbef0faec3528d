// Where the eye goes: a chat is opened at its end, follows the end until somebody scrolls away, and keeps its
// place where something comes in above. A button leads back to the end. Back leads to the place in a chat, and in
// a list such as what a search found.

import * as dom from "./dom.js"

const NEAR = 48 // pixels from the end that still count as the end
const INPUT = 1000 // milliseconds in which a scroll is somebody's doing

let main = null
let shown = "" // the page and conversation that are on the screen
let atEnd = true
let lastTop = 0
let lastHeight = 0
let lastInput = 0
let kept = null // a bubble, counted from the end, and where its top is to stay
let foundNode = null
const places = new Map()
const tops = new Map() // of pages without a message box, by their addresses
let listed = ""
let wantedTop = 0

export function begin(page, plan) {
  const resized = new ResizeObserver(plan)
  for (const kind of ["wheel", "touchmove", "pointerdown"])
    addEventListener(kind, () => touched(), { capture: true, passive: true })
  addEventListener("keydown", onKey, { capture: true, passive: true })
  addEventListener("click", onClick, { capture: true, passive: true })
  addEventListener("popstate", onBack, { capture: true })
  grown = resized
}

let grown = null
let restoring = false

function touched() {
  lastInput = performance.now()
  kept = null
  wantedTop = 0
  noteTop()
}

function noteTop() {
  if (main && listed && !dom.box()) tops.set(listed, main.scrollTop)
}

function onKey(event) {
  const before = lastInput
  touched()
  if (dom.isField(event.target)) lastInput = before // what is typed scrolls nothing
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === dom.box()) toEnd()
}

function onClick(event) {
  const on = selector => event.target.closest?.(selector)
  if (on('[data-part="latest"]')) {
    jump()
    if (!dom.isTouch) dom.box()?.focus({ preventScroll: true }) // the button is gone
  } else if (on(TO_THE_END)) {
    toEnd()
  } else if (on(EARLIER)) {
    keep()
  }
}

const TO_THE_END = ".st-key-starters button, [data-testid='stBottom'] [data-testid='stChatInputSubmitButton']"
const EARLIER = "[class*='st-key-earlier_'] button"

const distance = () => main.scrollHeight - main.offsetHeight - main.scrollTop

function toEnd() {
  atEnd = true
  kept = null
  lastInput = 0
}

function jump() {
  toEnd()
  scrollTo(main.scrollHeight)
}

function scrollTo(top) {
  main.scrollTo({ top, behavior: "instant" })
  note()
}

/** Remember where the first bubble in sight is, counted from the end: above it something will come in. */
function keep() {
  const all = [...dom.bubbles()]
  const at = all.findIndex(bubble => bubble.getBoundingClientRect().bottom > 60)
  if (at < 0) return
  kept = { fromEnd: all.length - at, top: all[at].getBoundingClientRect().top }
  atEnd = false
}

function hold() {
  const all = dom.bubbles()
  const bubble = all[all.length - kept.fromEnd]
  if (!bubble) return
  const off = bubble.getBoundingClientRect().top - kept.top
  if (Math.abs(off) >= 1) scrollTo(main.scrollTop + off)
}

function note() {
  lastTop = main.scrollTop
  lastHeight = main.scrollHeight
}

function onScroll() {
  const top = main.scrollTop
  if (top) noteTop() // to its top Streamlit brings a page that it is about to leave
  // Upwards goes somebody, or the browser to what they focused; else only content that has become shorter.
  const isAsked = performance.now() - lastInput < INPUT || main.scrollHeight === lastHeight
  if (top < lastTop && isAsked) atEnd = distance() < 1
  else if (top > lastTop && distance() <= NEAR) atEnd = true
  note()
  show()
}

function show() {
  const button = document.querySelector('[data-part="latest"]')
  if (!button) return
  button.hidden = !dom.box() || distance() <= NEAR
  if (button.hidden) return
  const area = dom.bottom().getBoundingClientRect()
  button.style.left = `${area.left + area.width / 2}px`
  button.style.bottom = `${innerHeight - area.top + 8}px`
}

export function look() {
  if (main !== dom.main()) watch()
  if (!main) return
  const here = location.pathname + "?" + dom.conversation(location.href)
  if (here !== shown) open(here)
  if (!dom.box()) return lookAtList()
  const found = document.querySelector('#stMain [class*="st-key-turn_"]')
  if (found && found !== foundNode) {
    found.scrollIntoView({ block: "center" })
    keep() // the page is still growing
  }
  foundNode = found
  if (kept) hold()
  else if (atEnd && distance() > 0) jump()
  show()
}

function lookAtList() {
  listed = location.pathname + location.search
  if (wantedTop) scrollTo(wantedTop) // as far as the page has come
  if (wantedTop && main.scrollTop >= wantedTop - 1 && dom.isIdle()) wantedTop = 0
  show()
}

function watch() {
  main = dom.main()
  if (!main) return
  groundFlights(main)
  main.addEventListener("scroll", onScroll, { passive: true })
  grown.disconnect()
  for (const part of main.children) grown.observe(part)
}

/** Streamlit flies to the end of a chat, also from where somebody has just scrolled to. Here it stays put. */
function groundFlights(element) {
  const { get, set } = Object.getOwnPropertyDescriptor(Element.prototype, "scrollTop")
  Object.defineProperty(element, "scrollTop", {
    configurable: true,
    get,
    set: top => dom.bottom() || set.call(element, top),
  })
}

function open(here) {
  shown = here
  kept = (restoring && places.get(here)) || null
  restoring = false
  atEnd = !kept
}

function onBack() {
  leave() // the page still shows what was left, whatever the address says
  restoring = true
  wantedTop = tops.get(location.pathname + location.search) ?? 0
}

/** Remember where somebody is, before the page shows something else. */
export function leave() {
  if (!main || !dom.box()) return
  if (distance() > NEAR) keep()
  if (kept) places.set(shown, kept)
  else places.delete(shown)
  kept = null
}
