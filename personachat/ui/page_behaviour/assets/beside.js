// Menus that stand beside things: every conversation in the sidebar but the open one, and every turn above the
// last exchange. Those two have Streamlit's own; here each would be an element more in every run. The button of
// a conversation is seen on hover, by Tab, and always on a touch screen; that of a turn always.

import * as dom from "./dom.js"

const ENTRY = /^:material\/(\w+): (.+)$/

const kinds = {
  row: {
    places: dom.rows,
    button: "Options",
    icon: "more_vert",
    title: "Conversation options",
    about: dom.titleOf,
    id: dom.idOf,
    entries: dom.actionsOf,
  },
  turn: {
    places: dom.olderTurns,
    button: "More",
    icon: "more_horiz",
    title: "Message options",
    about: () => "",
    id: place => dom.olderTurn(place).id,
    entries: (place, page) => dom.olderTurn(place).positions.map(position => page.component.data[1][position]),
  },
}

let menu = null
let opener = null // the button whose menu is open

export function begin(page) {
  menu = page.component.parentElement.querySelector('[data-part="menu"]')
  if (!menu?.showPopover) return
  menu.addEventListener("toggle", event => event.newState === "closed" && closed())
  menu.addEventListener("keydown", onKey)
  menu.addEventListener("click", event => choose(page, event.target.closest("button")))
}

export function look(page) {
  if (!menu?.showPopover) return
  const wanted = new Set()
  for (const [name, kind] of Object.entries(kinds))
    for (const place of kind.places()) {
      wanted.add(place)
      const there = place.querySelector(":scope > [data-menu-of]") ?? place.appendChild(buttonFor(page, name))
      if (there.ariaDescription !== kind.about(place)) there.ariaDescription = kind.about(place)
    }
  for (const button of document.querySelectorAll("[data-menu-of]"))
    if (!wanted.has(button.parentElement)) button.remove() // its place has become another thing's
}

function buttonFor(page, name) {
  const button = document.createElement("button")
  button.type = "button"
  button.dataset.menuOf = name
  button.setAttribute("aria-haspopup", "menu")
  button.setAttribute("aria-label", kinds[name].button)
  button.title = kinds[name].button
  button.translate = false
  button.textContent = kinds[name].icon
  button.addEventListener("click", () => open(page, name, button))
  return button
}

function open(page, name, button) {
  const kind = kinds[name]
  const place = button.parentElement
  opener = button
  menu.dataset.kind = name
  menu.dataset.id = kind.id(place)
  menu.replaceChildren(...kind.entries(place, page).map(item))
  menu.setAttribute("role", "menu")
  menu.setAttribute("aria-label", kind.title)
  menu.showPopover()
  const at = button.getBoundingClientRect()
  const { offsetWidth, offsetHeight } = menu
  const below = at.bottom + 4
  const top = below + offsetHeight + 8 > innerHeight ? at.top - offsetHeight - 4 : below
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - offsetWidth - 8))}px`
  menu.style.top = `${Math.max(8, top)}px`
  button.setAttribute("aria-expanded", "true")
  place.dataset.menuOpen = ""
  menu.firstElementChild.focus()
}

function item(label) {
  const [, icon, words] = ENTRY.exec(label) ?? [null, "", label]
  const made = document.createElement("button")
  made.type = "button"
  made.value = label
  made.setAttribute("role", "menuitem")
  made.tabIndex = -1
  if (icon) {
    const sign = made.appendChild(document.createElement("span"))
    sign.ariaHidden = "true"
    sign.translate = false
    sign.textContent = icon
  }
  made.append(words)
  return made
}

function choose(page, chosen) {
  if (!chosen) return
  page.component.setTriggerValue(menu.dataset.kind, { chosen: chosen.value, id: menu.dataset.id })
  menu.hidePopover()
}

function closed() {
  menu.removeAttribute("role") // what is not there lies over nothing
  opener?.setAttribute("aria-expanded", "false")
  delete opener?.parentElement?.dataset.menuOpen
}

function onKey(event) {
  const items = [...menu.children]
  const at = items.indexOf(document.activeElement)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key]
  if (to !== undefined) {
    event.preventDefault()
    items.at(to % items.length).focus()
  } else if (event.key === "Escape" || event.key === "Tab") {
    if (event.key === "Escape") event.preventDefault()
    event.stopPropagation()
    menu.hidePopover()
    opener?.focus()
  }
}
