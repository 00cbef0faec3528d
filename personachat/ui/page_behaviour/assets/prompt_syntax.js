// The parts of a prompt that have a colour of their own: Markdown, tags, and {{placeholders}}. Pure.

const LINE = /^(?<heading>#{1,6} .*)$|^(?<rule>[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*)$|^(?<quote>[ \t]*>)|^(?<list>[ \t]*(?:[-*+]|\d{1,9}[.)]) )/
const FENCE = /^[ \t]*(```|~~~)/
const PLACEHOLDER = /\{\{[^{}\n]{1,200}\}\}/g
const INLINE =
  /(?<code>`[^`\n]+`)|(?<strong>\*\*[^*\n]+\*\*|__[^_\n]+__)|(?<emphasis>(?<![\w*])\*[^*\s][^*\n]*\*(?!\*)|(?<!\w)_[^_\s][^_\n]*_(?!\w))|(?<link>!?\[[^\]\n]*\]\([^)\n]*\))|(?<tag><\/?[A-Za-z][\w:-]*(?:\s[^<>\n]*)?\/?>)/g

/** The whole text in pieces: from, up to, the text between, and its kind, "" for plain text. */
export function pieces(text) {
  const found = []
  // A placeholder is replaced wherever it stands, in code, too.
  const add = (start, end, kind) => {
    let from = start
    for (const match of text.slice(start, end).matchAll(PLACEHOLDER)) {
      put(from, start + match.index, kind)
      from = start + match.index + match[0].length
      put(start + match.index, from, "placeholder")
    }
    put(from, end, kind)
  }
  const put = (start, end, kind) => {
    if (end <= start) return
    const last = found.at(-1)
    if (last && last.kind === kind && last.end === start) {
      last.end = end
      last.text = text.slice(last.start, end)
    } else found.push({ start, end, kind, text: text.slice(start, end) })
  }
  let at = 0
  let fence = ""
  for (const line of text.split(/(?<=\n)/)) {
    const opening = FENCE.exec(line)?.[1] ?? ""
    if (fence || opening) {
      add(at, at + line.length, "code")
      if (!fence) fence = opening
      else if (opening === fence) fence = ""
    } else drawLine(line, at, add)
    at += line.length
  }
  return found
}

function drawLine(line, at, add) {
  const groups = LINE.exec(line.replace(/\n$/, ""))?.groups ?? {}
  const [kind, lead] = Object.entries(groups).find(([, words]) => words !== undefined) ?? ["", ""]
  const base = kind === "heading" ? kind : ""
  let done = 0
  if (lead && kind !== "heading") {
    add(at, at + lead.length, kind)
    done = lead.length
  }
  INLINE.lastIndex = done
  for (let match = INLINE.exec(line); match; match = INLINE.exec(line)) {
    const [inline] = Object.entries(match.groups).find(([, words]) => words !== undefined)
    add(at + done, at + match.index, base)
    add(at + match.index, at + INLINE.lastIndex, inline)
    done = INLINE.lastIndex
  }
  add(at + done, at + line.length, base)
}
