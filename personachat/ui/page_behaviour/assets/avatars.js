// The persona picker shows who is who: an avatar before each entry of its list, which Streamlit has no place for,
// and in the closed field the picture of the chosen persona over the icon that stands for it.

import * as dom from "./dom.js"

const ICON = /^:material\/(\w+):$/

const PICTURE = /^\/(?:[\w./-]+\/)?media\/\w+\.\w+$/

function picture(source) {
  const image = document.createElement("img")
  image.src = source
  image.alt = ""
  return image
}

/** Only the place of the icon is marked: what React draws in it stays there, unseen. */
function showChosen() {
  const field = dom.personaField()
  const place = field?.previousElementSibling
  if (!place || field.getAttribute("aria-expanded") === "true") return
  const avatar = avatars.get(field.value) ?? ""
  const shown = PICTURE.test(avatar) ? avatar : ""
  if ((place.dataset.face ?? "") === shown) return
  if (shown) {
    place.dataset.face = shown
    place.style.setProperty("--face", `url("${shown}")`)
  } else {
    delete place.dataset.face
    place.style.removeProperty("--face")
  }
}

let sent = null
let avatars = new Map()

export function begin() {}

export function look(page) {
  if (page.component.data?.[0] !== sent) {
    sent = page.component.data?.[0]
    avatars = new Map(sent ?? [])
  }
  showChosen()
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
