// What is typed on the personas page reaches the server after a pause, not only once the field is left; and
// Save, by a click or by Ctrl+S, saves what is on the screen, also the letter that was typed last.

import * as ace from "./ace.js"
import * as dom from "./dom.js"

const PAUSE = 250 // milliseconds without a key until a field is sent
const LONGEST = 700 // the same for who types without a pause
const PATIENCE = 2000 // milliseconds without news from the server until Save is given up
const SHOWN = 1500 // milliseconds that words may count as unsaved without the server's saying so

const ENTER = { key: "Enter", code: "Enter", keyCode: 13, bubbles: true, cancelable: true }

const waiting = new Map() // fields with something to send: since when, and the timer that sends it
let composing = false
let typedAt = 0
let saveUntil = 0
let replan = () => {}

export function begin(page, plan) {
  replan = plan
  const options = { capture: true, passive: true }
  addEventListener("compositionstart", () => (composing = true), options)
  addEventListener("compositionend", event => ((composing = false), onInput(event)), options)
  addEventListener("input", onInput, options)
  addEventListener("focusout", event => drop(event.target), options)
  addEventListener("keydown", onKey, { capture: true })
  addEventListener("pointerdown", onPointer, options)
  addEventListener("click", onClick, { capture: true })
  addEventListener("pagehide", sendAll, options)
  document.addEventListener("visibilitychange", () => document.hidden && sendAll())
  ace.begin({ plan, typed, save })
}

export function look() {
  ace.look()
  const now = performance.now()
  if (typedAt && (!dom.savedBadge() || (dom.isIdle() && !waiting.size && now - typedAt > SHOWN))) {
    typedAt = 0
    delete document.documentElement.dataset.unsent
  }
  if (saveUntil) finishSaving(now)
}

function typed() {
  if (!typedAt) document.documentElement.dataset.unsent = ""
  typedAt = performance.now()
  setTimeout(replan, SHOWN + 50)
}

function onInput(event) {
  const field = event.target
  if (!field?.matches?.(dom.DRAFT_FIELDS)) return
  typed()
  if (composing || event.isComposing || !field.matches(dom.SLOW_FIELDS)) return // Streamlit sends the others
  const since = waiting.get(field)?.since ?? performance.now()
  const pause = Math.min(PAUSE, Math.max(0, since + LONGEST - performance.now()))
  clearTimeout(waiting.get(field)?.timer)
  waiting.set(field, { since, timer: setTimeout(() => send(field), pause) })
}

function drop(field) {
  clearTimeout(waiting.get(field)?.timer)
  waiting.delete(field)
}

/** Have Streamlit send what is in a field, as its own keys do, and leave the cursor where it is. */
function send(field) {
  drop(field)
  if (!field.isConnected || composing) return
  field.dispatchEvent(new KeyboardEvent("keydown", { ...ENTER, ctrlKey: field.tagName === "TEXTAREA" }))
}

function sendAll() {
  for (const field of [...waiting.keys()]) send(field)
}

function onKey(event) {
  const box = dom.tryOutBox()
  if (box && event.target === box && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    hold(event, () => box.dispatchEvent(new KeyboardEvent("keydown", ENTER)))
  }
  if (!dom.isSave(event) || !dom.saveButton()) return
  event.preventDefault()
  event.stopPropagation()
  if (!dom.overlay()) save()
}

function save() {
  const field = document.activeElement
  if (field?.matches(dom.DRAFT_FIELDS)) send(field)
  sendAll()
  saveUntil = performance.now() + PATIENCE
  replan()
}

/** A button that is still disabled gets no click: it waits until the server has what was typed. */
function onPointer(event) {
  const button = dom.saveButton()
  if (!typedAt || !button?.disabled || event.button) return
  const { left, right, top, bottom } = button.getBoundingClientRect()
  const { clientX: x, clientY: y } = event
  if (left <= x && x <= right && top <= y && y <= bottom) save()
}

/** A question to the draft goes out once the server has the draft's last keys. */
function hold(event, go) {
  sendAll()
  if (!ace.isSending()) return
  event.preventDefault()
  event.stopPropagation()
  const wait = () => (ace.isSending() ? setTimeout(wait, 20) : go())
  wait()
}

function onClick(event) {
  const button = event.target.closest?.(dom.TRY_OUT_SEND)
  if (button) hold(event, () => button.click())
  if (!ace.isSending() || !dom.saveButton()?.contains(event.target)) return
  event.preventDefault()
  event.stopPropagation()
  save()
}

function finishSaving(now) {
  const button = dom.saveButton()
  if (now > saveUntil || !button) saveUntil = 0
  else if (ace.isSending()) return
  else if (!button.disabled) {
    saveUntil = 0
    button.click()
  } else {
    if (!dom.isIdle()) saveUntil = now + PATIENCE
    setTimeout(replan, 100)
  }
}
