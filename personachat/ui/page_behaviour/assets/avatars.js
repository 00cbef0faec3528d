// The persona picker's list shows who is who: an avatar before each entry, which Streamlit has no place for.

import * as dom from "./dom.js"

const ICON = /^:material\/(\w+):$/

const PICTURE = /^\/(?:[\w./-]+\/)?media\/\w+\.\w+$/

function picture(source) {
  const image = document.createElement("img")
  image.src = source
  image.alt = ""
  return image
}

let sent = null
let avatars = new Map()

export function begin() {}

export function look(page) {
  if (page.component.data?.[0] !== sent) {
    sent = page.component.data?.[0]
    avatars = new Map(sent ?? [])
  }
  for (const entry of dom.personaEntries()) {
    const avatar = avatars.get(dom.labelOf(entry)) ?? ""
    let shown = entry.querySelector("[data-avatar]")
    if (shown?.dataset.avatar === avatar) continue
    shown ??= entry.insertBefore(document.createElement("span"), entry.firstChild)
    const icon = ICON.exec(avatar)?.[1]
    shown.dataset.avatar = avatar
    shown.ariaHidden = "true"
    shown.translate = false
    shown.className = icon ? "icon" : ""
    if (PICTURE.test(avatar)) shown.replaceChildren(picture(avatar))
    else shown.textContent = icon ?? avatar
  }
}
