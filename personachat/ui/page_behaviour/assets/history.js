// One entry in the browser's history for each conversation and page: Back leads to the former one.
//
// Streamlit makes an entry of every change of the address. Only what somebody did and what leads elsewhere
// deserves one; a chat that gets its name with its first words is still the same.

import { leave } from "./scrolling.js"

let gestures = 0
let spent = -1

const CARRIED = ["chat", "id"] // what of the address says which thing a page shows

const thing = url => CARRIED.map(name => url.searchParams.get(name) ?? "").join()

export function begin() {
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => gestures++, { capture: true, passive: true })
  addEventListener("popstate", () => (spent = gestures), { capture: true })
  const push = history.pushState.bind(history)
  history.pushState = (state, title, address) => {
    const from = new URL(location.href)
    const to = new URL(address ?? "", location.href)
    leave()
    if (deservesEntry(from, to)) {
      spent = gestures
      push(state, title, address)
    } else history.replaceState(state, title, address)
  }
}

function deservesEntry(from, to) {
  if (from.pathname !== to.pathname) return true
  return spent !== gestures && thing(from).replaceAll(",", "") !== "" && thing(from) !== thing(to)
}

export function look() {}
