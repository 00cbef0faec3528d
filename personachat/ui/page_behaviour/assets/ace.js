// The editor of the JSON in its frame, which is of our own origin: what the frame swallows, and how high it is.
//
// Ace hangs its editor on its element. Where it does not, the editor is as it comes and everything else works.

import * as dom from "./dom.js"

const SENT_AFTER = 260 // milliseconds; streamlit-ace waits 200 after a key
const LEAST = 260 // pixels
const BELOW = 0.3 // the part of the window that problems below the editor may take

const bound = new WeakSet()
const awaited = new WeakSet()
let page = null
let sendingUntil = 0

export function begin(given) {
  page = given
  addEventListener("resize", page.plan, { passive: true })
  addEventListener("click", onClick, { capture: true, passive: true })
}

/** Whether the last key may not have reached the server yet. */
export const isSending = () => performance.now() < sendingUntil

export function look() {
  for (const frame of dom.editorFrames()) {
    const editor = editorIn(frame)
    if (!editor) awaitEditor(frame)
    if (!editor) continue
    if (!bound.has(editor)) bind(frame, editor)
    fit(frame, editor)
  }
}

const editorIn = frame => frame.contentDocument?.querySelector(".ace_editor")?.env?.editor

/** The page itself does not change when the editor has come into its frame. */
function awaitEditor(frame) {
  const inside = frame.contentDocument
  if (!awaited.has(frame)) {
    awaited.add(frame)
    frame.addEventListener("load", page.plan)
  }
  if (!inside || awaited.has(inside)) return
  awaited.add(inside)
  const observer = new MutationObserver(() => {
    if (!editorIn(frame)) return
    observer.disconnect()
    page.plan()
  })
  observer.observe(inside, { childList: true, subtree: true })
}

function bind(frame, editor) {
  bound.add(editor)
  const inside = frame.contentDocument
  frame.title = "Persona as JSON: Escape, then Tab leaves the editor. ace"
  const style = inside.createElement("style")
  style.textContent = ".ace_editor { height: var(--height, 480px) !important; }"
  inside.head.append(style)
  editor.on("change", () => {
    if (!editor.isFocused()) return
    sendingUntil = performance.now() + SENT_AFTER
    page.typed()
    setTimeout(page.plan, SENT_AFTER + 10)
  })
  let leaving = false
  frame.contentWindow.addEventListener(
    "keydown",
    event => {
      if (dom.isSave(event)) {
        event.preventDefault()
        event.stopPropagation()
        page.save()
      } else if (dom.isFinder(event) || dom.isTryOutKey(event)) {
        event.preventDefault()
        event.stopPropagation()
        frame.dispatchEvent(new KeyboardEvent("keydown", event)) // the page's own keys are heard there
      } else if (event.key === "Tab" && leaving) {
        event.preventDefault()
        event.stopPropagation()
        leave(frame, event.shiftKey)
      } else if (event.key !== "Shift") leaving = event.key === "Escape"
    },
    { capture: true },
  )
  const shown = () => show(editor, markedRow(editor))
  editor.session.on("changeBackMarker", shown)
  editor.session.on("changeFrontMarker", shown)
  shown()
}

/** Focus what comes after the frame, or before it: inside are scrollers that would take the focus first. */
function leave(frame, backwards) {
  const all = document.querySelectorAll("a[href], button, input, textarea, select, iframe, [tabindex]")
  const stops = [...all].filter(each => each.tabIndex >= 0 && !each.disabled && each.getClientRects().length)
  stops[stops.indexOf(frame) + (backwards ? -1 : 1)]?.focus()
}

let last = null

/** The row that the page has marked, because somebody asked for it. */
function markedRow(editor) {
  const markers = [true, false].flatMap(front => Object.values(editor.session.getMarkers(front)))
  return markers.find(marker => marker.type === "fullLine" && marker.clazz === "ace_selection")?.range.start.row
}

function show(editor, row) {
  if (row === undefined) last = null
  else if (row !== last) {
    last = row
    editor.gotoLine(row + 1, 0, false)
  }
}

/** The same line once more, which changes nothing on the server. */
function onClick(event) {
  const line = event.target.closest?.(".stButton button")?.textContent.match(/Line (\d+)$/)
  if (!line) return
  for (const frame of dom.editorFrames()) editorIn(frame)?.gotoLine(Number(line[1]), 0, false)
}

/** As high as the window leaves room for, with what stands below it in view. */
function fit(frame, editor) {
  const { top, bottom } = frame.getBoundingClientRect()
  const panel = frame.closest('[role="tabpanel"]')
  if (!panel || bottom === top) return
  const above = top + (dom.main()?.scrollTop ?? 0)
  const below = Math.min(panel.getBoundingClientRect().bottom - bottom, BELOW * innerHeight)
  const height = `${Math.max(LEAST, Math.round(innerHeight - above - below - 40))}px`
  const root = frame.contentDocument.documentElement
  if (root.style.getPropertyValue("--height") === height) return
  root.style.setProperty("--height", height)
  editor.resize()
}
