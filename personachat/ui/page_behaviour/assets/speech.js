// What a screen reader is told of a reply: that it began, each sentence when it is whole, a pause, and that it ended.
// Of a reply that somebody has turned away from, to another chat or page, nothing more is said.

import * as dom from "./dom.js"

const PACE = 1000 // milliseconds between two looks at the words: a long reply is not read at every frame
const HEARD = 3000 // milliseconds: a line that has been read out is nobody's to find a second time
const SENTENCE = /[\s\S]*(?:[.!?…:](?=\s)|[。！？؟]|\n)/u

let followed = "" // the name of the reply that is read out
let left = "" // the name of one that is on the screen a moment longer
let place = ""
let spoken = 0
let paused = false
let timer = 0

export function begin() {}

export function look(page) {
  const live = dom.nameOfLiveReply()
  const isPaused = dom.isPaused()
  if (!live) left = ""
  if (live && !isPaused && live !== left && live !== followed) start(page, live)
  if (!followed || (!live && !isOver())) return // its buttons make way for others
  if (place.endsWith("#")) place = here() // a chat has its address once it has a message
  if (place !== here()) {
    left = live
    stop()
  } else if (!live) {
    stop()
    say(page, `${rest()} ${ending()}`)
  } else if (isPaused !== paused) {
    paused = isPaused
    say(page, paused ? `${rest()} The reply is paused.` : "The reply goes on.")
    if (paused) spoken = textOfReply().length
  } else if (!paused)
    timer ||= setTimeout(() => {
      timer = 0
      if (paused) return
      const words = textOfReply().slice(spoken)
      const whole = SENTENCE.exec(words)?.[0] ?? ""
      spoken += whole.length
      say(page, whole)
    }, PACE)
}

function start(page, live) {
  stop()
  followed = live
  left = ""
  place = here()
  spoken = 0
  paused = false
  say(page, "The reply begins.")
}

function stop() {
  clearTimeout(timer)
  timer = 0
  followed = ""
}

const isOver = () => followed === "try out" || dom.isIdle() || dom.hasActions(followed)

function here() {
  const query = new URLSearchParams(location.search)
  return `${location.pathname}#${query.get("chat") ?? query.get("id") ?? ""}`
}

const lastBubble = () => [...dom.bubbles()].at(-1)

const BADGE = ".stMarkdownBadge"

function textOfReply() {
  const pieces = lastBubble()?.querySelectorAll('[data-testid="stMarkdown"] [data-testid="stMarkdownContainer"]') ?? []
  const words = [...pieces].filter(piece => !piece.querySelector(BADGE))
  return words.map(piece => piece.innerText ?? "").join("\n")
}

const rest = () => textOfReply().slice(spoken)

function ending() {
  const bubble = lastBubble()
  if (bubble?.querySelector('[data-testid="stAlertContentError"]')) return "The reply failed."
  const badge = [...(bubble?.querySelectorAll(BADGE) ?? [])].at(-1)?.cloneNode(true)
  badge?.querySelector('[role="img"], [translate="no"]')?.remove() // an icon's text is its name
  return badge ? `The reply has ended: ${badge.textContent.trim()}.` : "The reply has ended."
}

const region = page => page.component.parentElement.querySelector('[data-part="spoken"]')

function say(page, words) {
  const place = region(page)
  if (!place || !words.trim()) return
  const line = document.createElement("p")
  line.textContent = words.trim()
  place.append(line)
  setTimeout(() => line.remove(), HEARD)
}
