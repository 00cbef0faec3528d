// The entry point: one observer for the whole page, and what is done when the page has changed.
//
// Nothing here polls. Changes are looked at once a frame, however many there were, and not at all while
// nothing changes.

import * as avatars from "./avatars.js"
import * as beside from "./beside.js"
import * as compared from "./compared.js"
import * as confirming from "./confirming.js"
import * as desk from "./desk.js"
import * as direction from "./direction.js"
import * as figures from "./figures.js"
import * as focus from "./focus.js"
import * as following from "./following.js"
import * as history from "./history.js"
import * as leaving from "./leaving.js"
import * as listbox from "./listbox.js"
import * as menus from "./menus.js"
import * as names from "./names.js"
import * as prompt from "./prompt.js"
import * as scrollers from "./scrollers.js"
import * as scrolling from "./scrolling.js"
import * as speech from "./speech.js"
import * as theme from "./theme.js"
import * as typing from "./typing.js"
import * as unsent from "./unsent.js"

const parts = [
  avatars, beside, compared, confirming, direction, figures, history, leaving, listbox, menus, names, scrollers,
  scrolling, unsent, focus, following, speech, theme, typing, prompt, desk,
]
const page = { component: null }
let planned = 0

function look() {
  planned = 0
  if (!page.component?.parentElement.isConnected) return
  for (const part of parts) part.look(page)
}

function plan() {
  planned ||= requestAnimationFrame(look)
}

function begin() {
  if (!document.getElementById("page-style")) loadStyle() // else the document came with it (front/first_paint.py)
  for (const part of parts) part.begin(page, plan)
  new MutationObserver(plan).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["data-test-script-state", "data-test-connection-state", "disabled", "aria-expanded"],
  })
}

function loadStyle() {
  const sheet = document.createElement("link")
  sheet.rel = "stylesheet"
  sheet.href = new URL("page.css", import.meta.url).href
  document.head.append(sheet)
}

export default function (component) {
  const first = page.component === null
  page.component = component
  if (first) begin()
  plan()
}
