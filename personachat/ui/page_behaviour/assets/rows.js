// Every conversation in the sidebar has its menu: a button beside its title, seen on hover, by Tab, and always
// on a touch screen. The open one has Streamlit's own.

import * as dom from "./dom.js"

let menu = null
let opener = null // the button whose menu is open

export function begin(page) {
  menu = page.component.parentElement.querySelector('[data-part="rows"]')
  if (!menu?.showPopover) return
  menu.addEventListener("toggle", event => event.newState === "closed" && closed())
  menu.addEventListener("keydown", onKey)
  menu.addEventListener("click", event => choose(page, event.target.closest("button")))
}

export function look(page) {
  if (!menu?.showPopover) return
  for (const row of dom.rows()) {
    const there = row.querySelector("[data-row-menu]")
    if (there) {
      if (there.ariaDescription !== dom.titleOf(row)) there.ariaDescription = dom.titleOf(row)
      continue
    }
    const button = document.createElement("button")
    button.type = "button"
    button.dataset.rowMenu = ""
    button.setAttribute("aria-haspopup", "menu")
    button.setAttribute("aria-label", "Options")
    button.ariaDescription = dom.titleOf(row)
    button.textContent = "more_vert"
    button.addEventListener("click", () => open(page, row, button))
    row.append(button)
  }
}

function open(page, row, button) {
  opener = button
  menu.dataset.conversation = dom.idOf(row)
  menu.replaceChildren(...dom.actionsOf(row).map(item))
  menu.setAttribute("role", "menu")
  menu.showPopover()
  const place = button.getBoundingClientRect()
  const { offsetWidth, offsetHeight } = menu
  menu.style.left = `${Math.max(8, Math.min(place.left, innerWidth - offsetWidth - 8))}px`
  menu.style.top = `${Math.max(8, Math.min(place.bottom + 4, innerHeight - offsetHeight - 8))}px`
  button.setAttribute("aria-expanded", "true")
  menu.firstElementChild.focus()
}

function item(label) {
  const made = document.createElement("button")
  made.type = "button"
  made.setAttribute("role", "menuitem")
  made.tabIndex = -1
  made.textContent = label
  return made
}

function choose(page, chosen) {
  if (!chosen) return
  page.component.setTriggerValue("row", { chosen: chosen.textContent, id: menu.dataset.conversation })
  menu.hidePopover()
}

function closed() {
  menu.removeAttribute("role") // what is not there lies over nothing
  opener?.setAttribute("aria-expanded", "false")
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
