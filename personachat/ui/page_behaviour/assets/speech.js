// What a screen reader is told of a reply: that it began, each sentence when it is whole, and that it ended.

import * as dom from "./dom.js"

const PACE = 1000 // milliseconds between two looks at the words: a long reply is not read at every frame
const HEARD = 3000 // milliseconds: a line that has been read out is nobody's to find a second time
const SENTENCE = /[\s\S]*(?:[.!?…:](?=\s)|[。！？؟]|\n)/u

let speaking = false
let spoken = 0
let timer = 0

export function begin() {}

export function look(page) {
  const live = Boolean(dom.liveReply())
  if (live && !speaking) {
    clearTimeout(timer)
    timer = 0
    speaking = true
    spoken = 0
    say(page, "The reply begins.")
  }
  if (!speaking) return
  if (!live) {
    clearTimeout(timer)
    timer = 0
    speaking = false
    say(page, `${rest()} ${ending()}`)
    return
  }
  if (timer) return
  timer = setTimeout(() => {
    timer = 0
    const words = textOfReply().slice(spoken)
    const whole = SENTENCE.exec(words)?.[0] ?? ""
    spoken += whole.length
    say(page, whole)
  }, PACE)
}

const lastBubble = () => [...dom.bubbles()].at(-1)

function textOfReply() {
  const pieces = lastBubble()?.querySelectorAll('[data-testid="stMarkdown"] [data-testid="stMarkdownContainer"]') ?? []
  return [...pieces].map(piece => piece.innerText ?? "").join("\n")
}

const rest = () => textOfReply().slice(spoken)

function ending() {
  const bubble = lastBubble()
  if (bubble?.querySelector('[data-testid="stAlert"]')) return "The reply failed."
  return "The reply has ended."
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
