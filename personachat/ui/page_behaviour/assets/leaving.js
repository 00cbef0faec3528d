// An edit that was changed is not lost by a click elsewhere: first the page asks.
//
// Streamlit keeps the words of a form in the browser until it is sent, so only the browser knows of them.

import * as dom from "./dom.js"

const begun = new WeakMap() // what stood in each field before somebody changed it

let dialog = null
let go = null // what somebody wanted to do
let allowed = false

export function begin(page) {
  dialog = page.component.parentElement.querySelector('[data-part="leaving"]')
  if (!dialog?.showModal) return
  dialog.addEventListener("click", event => answered(event.target.value))
  dialog.addEventListener("keydown", event => event.key === "Escape" && event.stopPropagation())
  addEventListener("beforeinput", onInput, { capture: true, passive: true })
  addEventListener("click", onClick, { capture: true })
  addEventListener("keydown", onKey, { capture: true })
  addEventListener("beforeunload", event => isChanged() && event.preventDefault())
}

export function look() {}

function onInput(event) {
  const field = dom.editField()
  if (field && event.target === field && !begun.has(field)) begun.set(field, field.value)
}

function isChanged() {
  const field = dom.editField()
  return Boolean(field && begun.has(field) && field.value !== begun.get(field))
}

function onClick(event) {
  if (allowed || !isChanged()) return
  const control = event.target.closest?.(dom.LEAVES_AN_EDIT)
  if (!control) return
  if (dom.isCancel(control) || !dom.editForm().contains(control)) ask(event, () => control.click())
}

function onKey(event) {
  if (allowed || !isChanged() || dialog.open || event.isComposing) return
  const shortcut = event.altKey && dom.shortcutButton(event.code)
  if (shortcut) ask(event, () => shortcut.click())
  else if (event.key === "Enter" && !event.shiftKey && event.target === dom.box() && dom.box().value.trim())
    ask(event, () => dom.sendButton()?.click())
}

function ask(event, wanted) {
  event.preventDefault()
  event.stopImmediatePropagation()
  go = wanted
  dialog.showModal()
  dialog.querySelector('[value="stay"]').focus()
}

function answered(answer) {
  if (!answer) return
  dialog.close()
  if (answer === "leave") {
    allowed = true
    go()
    allowed = false
  } else dom.editField()?.focus()
}
