// Find and replace in a persona's prompt: Ctrl+F and Ctrl+H in its field, Enter and Shift+Enter from one to the next.
//
// What is replaced can be undone with Ctrl+Z, like everything that is typed.

import * as dom from "./dom.js"

let bar = null
let field = null
let told = { matchesChanged() {}, reveal() {} }
let current = 0 // which match is pointed at

const part = name => bar.querySelector(`[data-find="${name}"]`)
const isOpen = () => Boolean(bar?.isConnected && !bar.hidden)

export function begin(given) {
  told = given
  addEventListener("keydown", onKey, { capture: true })
  addEventListener("click", onOpener, { capture: true, passive: true })
}

export function look(now) {
  if (now === field) return
  field = now
  if (!field) return
  bar ??= made()
  if (!bar.isConnected) dom.promptEditor().append(bar)
}

/** Where what is looked for stands in a text, in its order; the current one is marked. */
export function matches(text) {
  const words = isOpen() ? part("words").value : ""
  if (!words) return []
  const whole = part("case").checked ? text : text.toLowerCase()
  const wanted = part("case").checked ? words : words.toLowerCase()
  if (whole.length !== text.length) return [] // letters that get longer when made small
  const found = []
  for (let at = whole.indexOf(wanted); at >= 0; at = whole.indexOf(wanted, at + wanted.length))
    found.push({ start: at, end: at + wanted.length, current: false })
  current = Math.min(current, Math.max(found.length - 1, 0))
  if (found.length) found[current].current = true
  part("count").textContent = found.length ? `${current + 1} of ${found.length}` : "No match"
  return found
}

function made() {
  const form = document.createElement("div")
  form.dataset.promptFinder = ""
  form.setAttribute("role", "search")
  form.ariaLabel = "Find and replace in the prompt"
  form.hidden = true
  form.innerHTML = `
    <div><input type="text" data-find="words" aria-label="Find" placeholder="Find" autocomplete="off">
      <span data-find="count" role="status"></span>
      <label><input type="checkbox" data-find="case"> Aa<span class="heard">: match case</span></label>
      <button type="button" data-find="previous" aria-label="Previous match">↑</button>
      <button type="button" data-find="next" aria-label="Next match">↓</button>
      <button type="button" data-find="close" aria-label="Close find and replace">✕</button></div>
    <div><input type="text" data-find="instead" aria-label="Replace with" placeholder="Replace with" autocomplete="off">
      <button type="button" data-find="replace">Replace</button>
      <button type="button" data-find="all">Replace all</button></div>`
  const on = (name, kind, act) => form.querySelector(`[data-find="${name}"]`).addEventListener(kind, act)
  on("words", "input", () => go(0, nearest()))
  on("case", "change", () => go(0, nearest()))
  on("previous", "click", () => go(-1))
  on("next", "click", () => go(1))
  on("close", "click", close)
  on("replace", "click", replace)
  on("all", "click", replaceAll)
  form.addEventListener("keydown", onBarKey)
  return form
}

/** Ctrl+F and Ctrl+H, while the prompt has the focus. */
function onKey(event) {
  const key = event.key.toLowerCase()
  const here = field && (event.target === field || bar?.contains(event.target))
  if (!here || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return
  if (key !== "f" && key !== "h") return
  event.preventDefault()
  event.stopPropagation()
  open(key === "h")
}

function onOpener(event) {
  if (event.target.closest?.(".st-key-find_in_prompt button")) open(false)
}

function open(replaces) {
  if (!field) return
  const chosen = field.value.slice(field.selectionStart, field.selectionEnd)
  bar.hidden = false
  if (chosen && !chosen.includes("\n")) part("words").value = chosen
  const target = part(replaces && part("words").value ? "instead" : "words")
  target.focus()
  target.select()
  go(0, nearest(), false)
}

function close() {
  const [match] = matches(field.value).filter(each => each.current)
  bar.hidden = true
  told.matchesChanged(field)
  field.focus({ preventScroll: true })
  if (match) field.setSelectionRange(match.start, match.end)
}

function onBarKey(event) {
  if (event.key === "Escape") close()
  else if (event.key === "Enter" && event.target === part("words")) go(event.shiftKey ? -1 : 1)
  else if (event.key === "Enter" && event.target === part("instead")) replace()
  else return
  event.preventDefault()
  event.stopPropagation()
}

/** The first match at or behind the cursor. */
function nearest() {
  const at = matches(field.value).findIndex(match => match.end > field.selectionStart)
  return Math.max(at, 0)
}

function go(by, to = current, shows = true) {
  const count = matches(field.value).length
  current = count ? (to + by + count) % count : 0
  told.matchesChanged(field)
  if (shows || count) told.reveal(field)
}

function replace() {
  const match = matches(field.value).find(each => each.current)
  if (!match) return
  put(match.start, match.end, part("instead").value)
  go(0, nearest())
  part("instead").focus()
}

function replaceAll() {
  const found = matches(field.value)
  if (!found.length) return
  const instead = part("instead").value
  let text = ""
  let done = 0
  for (const { start, end } of found) {
    text += field.value.slice(done, start) + instead
    done = end
  }
  put(found[0].start, done, text.slice(found[0].start))
  go(0, 0)
  part("count").textContent = `${found.length} replaced`
  part("instead").focus()
}

/** Put words in the place of others, as if they were typed: so the browser can undo it. */
function put(start, end, words) {
  field.focus({ preventScroll: true })
  field.setSelectionRange(start, end)
  document.execCommand(words ? "insertText" : "delete", false, words)
}
