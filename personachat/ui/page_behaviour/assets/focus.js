// Who has the focus: the message box wherever one would type next, a field that was just opened, and never
// anything on a touch screen by itself. What somebody does with keys or pointer has precedence.

import * as dom from "./dom.js"

const PATIENCE = 15000 // milliseconds that an answer from the server may take until the box is there

let place = ""
let target = dom.box // what is to have the focus
let wantedUntil = 0
let opened = false
let skip = null
const met = new WeakSet()
const overOverlay = new WeakSet()

export function begin(page, plan) {
  skip = document.createElement("button")
  skip.type = "button"
  skip.dataset.pageSkip = ""
  skip.textContent = "Skip to the message"
  skip.addEventListener("click", () => dom.box()?.focus())
  document.body.prepend(skip)

  const want = found => {
    target = found
    wantedUntil = performance.now() + PATIENCE
    plan()
  }
  addEventListener("pointerdown", () => (wantedUntil = 0), { capture: true, passive: true })
  const onClick = event => {
    if (event.target.closest?.(TO_THE_BOX)) want(dom.box)
    else if (event.target.closest?.(".st-key-search_conversations button")) want(dom.searchField)
  }
  addEventListener("click", onClick, { capture: true, passive: true })
  addEventListener("keydown", event => onKey(event, want), { capture: true })
  // What has just closed gives the focus back to where it came from, which may be gone.
  addEventListener("focusout", () => performance.now() < wantedUntil && plan(), { capture: true, passive: true })
  // Streamlit's shortcuts listen at the document, what lies over the page further down.
  document.documentElement.addEventListener("keydown", event => overOverlay.has(event) && event.stopPropagation())
}

const TO_THE_BOX = [
  ".st-key-new_chat button",
  ".st-key-starters button",
  '[class*="st-key-open_"] button',
  '[data-testid="stBottom"] [data-testid="stChatInputSubmitButton"]',
].join()

function onKey(event, want) {
  wantedUntil = 0
  if (event.isComposing) return
  if (event.key === "Escape") onEscape(event)
  else if (event.key === "/" && !(event.ctrlKey || event.metaKey || event.altKey)) {
    const field = dom.box() ?? dom.searchField()
    if (!field || dom.isField(event.target) || dom.overlay()) return
    event.preventDefault()
    field.focus()
  } else if (event.altKey && event.code === "KeyN") want(dom.box)
  else if (event.altKey && event.code === "KeyK") want(dom.searchField)
  else if (dom.isTryOutKey(event) && dom.isPersonasPage() && !dom.overlay()) toTryOut(event, want)
}

/** From the editor to the box of Try out, and back; in a narrow window each is a tab. */
function toTryOut(event, want) {
  event.preventDefault()
  event.stopPropagation()
  const box = dom.tryOutBox()
  const isThere = event.target === box
  const tab = dom.tryOutTab()
  if (tab) (isThere ? dom.firstTab() : tab).click()
  if (!tab) (isThere ? dom.draftEditor() : box)?.focus()
  else want(isThere ? dom.promptField : dom.tryOutBox)
}

function onEscape(event) {
  if (dom.overlay()) {
    overOverlay.add(event)
    return
  }
  const field = dom.editField()
  if (!field || field !== event.target) return
  event.stopPropagation()
  event.preventDefault() // the question that this may open is not closed by the same key
  field.closest('[data-testid="stForm"]')?.querySelector('button[kind="tertiaryFormSubmit"]')?.click()
}

export function look() {
  const box = dom.box()
  skip.hidden = !box
  if (dom.isTouch) return
  const field = openedField()
  if (field) {
    field.focus()
    field.setSelectionRange?.(field.value.length, field.value.length)
    return
  }
  const here = location.pathname + dom.conversation(location.href) + personaOf(location.href)
  const isOpen = Boolean(dom.dialog() || dom.editField())
  if (here !== place || (opened && !isOpen)) {
    if (wantedUntil < performance.now()) target = dom.box // else it was said what for
    wantedUntil = performance.now() + PATIENCE
  }
  place = here
  opened = isOpen
  const wanted = target()
  if (isOpen || performance.now() > wantedUntil || !wanted || wanted.disabled || dom.overlay()) return
  if (document.activeElement !== wanted) wanted.focus({ preventScroll: true })
}

const personaOf = address => new URL(address).searchParams.get("persona") ?? ""

/** The first field of a form that was not there when the page was looked at before. */
function openedField() {
  const edited = dom.editField()
  if (edited && !met.has(edited)) {
    met.add(edited)
    return edited
  }
  for (const layer of document.querySelectorAll('[data-testid="stDialog"], [data-testid="stPopoverBody"]')) {
    if (met.has(layer)) continue
    const field = layer.querySelector('textarea, [data-testid="stTextInput"] input')
    if (!field) continue
    met.add(layer)
    return field
  }
  return null
}
