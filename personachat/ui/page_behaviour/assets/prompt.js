// The field of a persona's prompt: Markdown and {{placeholders}} in colour, find and replace, its words counted as
// they are typed, as high as the window leaves room for.
//
// It stays a plain text field, whose text Streamlit sends. The colours lie over it, letter on letter, in a copy that
// takes no pointer and that nobody hears; without this module the field shows the same text in one colour.

import * as dom from "./dom.js"
import * as finder from "./prompt_finder.js"
import { pieces } from "./prompt_syntax.js"

const LEAST = 260 // pixels
const BELOW = 0.3 // the part of the window that warnings below the field may take

const layers = new WeakMap() // the coloured copy of each field
const observer = new ResizeObserver(entries => entries.forEach(({ target }) => align(target)))

export function begin(_page, plan) {
  addEventListener("resize", plan, { passive: true })
  const onInput = ({ target }) => target === dom.promptField() && draw(target)
  addEventListener("input", onInput, { capture: true, passive: true })
  addEventListener("click", onLine, { capture: true, passive: true })
  finder.begin({ matchesChanged: draw, reveal })
}

export function look() {
  showImprovement()
  const field = dom.promptField()
  finder.look(field)
  if (!field) return
  if (!layers.has(field)) cover(field)
  if (layers.get(field).shown !== field.value) draw(field)
  else count(field.value)
  fit(field)
  align(field)
}

let shown = ""

/** Have what a model suggests in view, as it begins and once it is there. */
function showImprovement() {
  const panel = dom.improvement()
  const now = panel ? String(dom.isBeingWritten()) : ""
  if (now === shown) return
  shown = now
  panel?.scrollIntoView({ block: "nearest" })
}

function cover(field) {
  const box = document.createElement("div")
  const text = document.createElement("div")
  box.dataset.promptColours = ""
  box.ariaHidden = "true"
  box.append(text)
  field.parentElement.append(box)
  field.dataset.coloured = ""
  field.parentElement.style.position = "relative"
  field.spellcheck = true
  layers.set(field, { box, text, shown: null })
  field.addEventListener("scroll", () => scrolled(field), { passive: true })
  observer.observe(field)
}

function draw(field) {
  const layer = layers.get(field)
  if (!layer) return
  layer.shown = field.value
  const found = finder.matches(field.value)
  const drawn = pieces(field.value).flatMap(piece => marked(piece, found))
  layer.text.replaceChildren(...drawn, "\n") // a line break at the very end has a line of its own
  count(field.value)
  align(field)
}

/** A piece of text as elements, cut where what was looked for begins and ends. */
function marked({ start, end, kind, text }, found) {
  const parts = []
  let at = start
  const add = (upTo, match) => {
    if (upTo <= at) return
    const part = document.createElement(match ? "mark" : "span")
    if (kind) part.dataset.kind = kind
    if (match?.current) part.dataset.current = ""
    part.textContent = text.slice(at - start, upTo - start)
    parts.push(part)
    at = upTo
  }
  for (const match of found) {
    if (match.end <= start) continue
    if (match.start >= end) break
    add(Math.max(match.start, start), null)
    add(Math.min(match.end, end), match)
  }
  add(end, null)
  return parts
}

function align(field) {
  const layer = layers.get(field)
  if (!layer) return
  const style = layer.box.style
  style.left = `${field.offsetLeft + field.clientLeft}px`
  style.top = `${field.offsetTop + field.clientTop}px`
  style.width = `${field.clientWidth}px`
  style.height = `${field.clientHeight}px`
  style.setProperty("--padding", getComputedStyle(field).padding)
  scrolled(field)
}

function scrolled(field) {
  layers.get(field).text.style.transform = `translateY(${-field.scrollTop}px)`
}

/** Scroll the field to what was found. */
function reveal(field) {
  const mark = layers.get(field)?.text.querySelector("[data-current]")
  if (!mark) return
  const { offsetTop: top, offsetHeight: height } = mark
  if (top < field.scrollTop || top + height > field.scrollTop + field.clientHeight)
    field.scrollTop = Math.max(0, top - field.clientHeight / 3)
}

/** A finding in the prompt leads to its line, which is selected. */
function onLine({ target }) {
  const row = target.closest?.(dom.PROMPT_LINE)
  const field = dom.promptField()
  const number = Number(/st-key-prompt_line-(\d+)-/.exec(row?.className)?.[1])
  if (!field || !number || !target.closest("button")) return
  const lines = field.value.split("\n")
  const start = lines.slice(0, number - 1).reduce((at, line) => at + line.length + 1, 0)
  if (start > field.value.length) return // it has been shortened since
  field.focus({ preventScroll: true })
  field.setSelectionRange(start, start + lines[number - 1].length)
  field.scrollIntoView({ block: "nearest" })
  const top = topOf(field, start)
  if (top < field.scrollTop || top > field.scrollTop + field.clientHeight * 0.8)
    field.scrollTop = Math.max(0, top - field.clientHeight / 3)
}

/** How far below the first line of the text a place in it is drawn: lines wrap, so the copy is asked. */
function topOf(field, at) {
  const { text } = layers.get(field)
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT)
  let left = at
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (left < node.length) {
      const range = document.createRange()
      range.setStart(node, left)
      range.setEnd(node, left + 1)
      return range.getBoundingClientRect().top - text.getBoundingClientRect().top
    }
    left -= node.length
  }
  return 0
}

/** The same words as `persona_form.size_text`. */
function count(text) {
  const size = dom.promptSize()?.firstChild
  if (size?.nodeType !== Node.TEXT_NODE) return
  const counted = (number, noun) => `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`
  const words = text.trim() ? text.trim().split(/\s+/).length : 0
  const tokens = Math.ceil(new TextEncoder().encode(text).length / 4)
  const said = `${counted(words, "word")}, about ${counted(tokens, "token")} in the prompt`
  if (size.nodeValue !== said) size.nodeValue = said
}

/** As high as the window leaves room for, with its size and the first warnings in view. */
function fit(field) {
  const editor = dom.promptEditor()
  const { top, height } = field.getBoundingClientRect()
  if (!height) return
  const above = top + (dom.main()?.scrollTop ?? 0)
  const below = editor.getBoundingClientRect().bottom - (top + height) + dom.warningsHeight()
  const room = `${Math.max(LEAST, Math.round(innerHeight - above - Math.min(below, BELOW * innerHeight) - 32))}px`
  if (editor.style.getPropertyValue("--height") !== room) editor.style.setProperty("--height", room)
}
