// Enter in the text field of a dialog does what the dialog's primary button does, if there is just one. A button
// that waits for what is typed is pressed as soon as the server has enabled it. Search fields search, and forms
// and lists have an Enter of their own.

import * as dom from "./dom.js"

const FIELD = '[data-testid="stTextInput"] input[type="text"]'
const PATIENCE = 2000 // milliseconds until a button that stays disabled is given up

let since = 0
let replan = () => {}

export function begin(page, plan) {
  replan = plan
  addEventListener("keydown", onKey)
}

export function look() {
  if (!since) return
  const button = onlyPrimary()
  if (!button || performance.now() - since > PATIENCE) since = 0
  else if (!button.disabled) {
    since = 0
    button.click()
  }
}

function onlyPrimary() {
  const all = dom.dialog()?.querySelectorAll('[data-testid="stBaseButton-primary"]') ?? []
  const visible = [...all].filter(each => each.checkVisibility?.() ?? true)
  return visible.length === 1 ? visible[0] : null
}

function onKey(event) {
  since = 0
  if (event.key !== "Enter" || event.shiftKey || event.altKey || event.isComposing) return
  if (!event.target.matches?.(FIELD) || !event.target.closest('[data-testid="stDialog"]')) return
  if (event.target.closest('[data-testid="stForm"]')) return
  since = performance.now()
  replan() // after Streamlit has taken what is typed
}
