// One entry in the browser's history for each conversation and page: Back leads to the former one.
//
// Streamlit makes an entry of every change of the address. Only what somebody did and what leads elsewhere
// deserves one; a chat that gets its name with its first words is still the same.

import { leave } from "./scrolling.js"

// What of an address says which thing a page shows, by the last part of its path; the chat page has none.
const SHOWS = { "": ["chat", "persona"], personas: ["id"], history: [], shared: ["token"], received: ["token", "persona"] }
const ELSEWHERE = ["chat", "persona", "id"]

let gestures = 0
let spent = -1

const pageOf = url => {
  const name = url.pathname.split("/").at(-1)
  return name in SHOWS ? name : ""
}

/** The conversation or the persona that an address is about. */
const thing = url => url.searchParams.get(SHOWS[pageOf(url)][0]) ?? ""

/** Streamlit gives a page the query of the one it is about to show, and that one's path a moment later. */
const isOnItsWay = url => ELSEWHERE.some(name => url.searchParams.has(name) && !SHOWS[pageOf(url)].includes(name))

export function begin() {
  for (const kind of ["pointerdown", "keydown"])
    addEventListener(kind, () => gestures++, { capture: true, passive: true })
  addEventListener("popstate", () => (spent = gestures), { capture: true })
  const push = history.pushState.bind(history)
  history.pushState = (state, title, address) => {
    const from = new URL(location.href)
    const to = new URL(address ?? "", location.href)
    if (from.pathname === to.pathname && isOnItsWay(to)) return
    leave()
    if (deservesEntry(from, to)) {
      spent = gestures
      push(state, title, address)
    } else history.replaceState(state, title, address)
  }
}

function deservesEntry(from, to) {
  if (from.pathname !== to.pathname) return true
  return spent !== gestures && thing(from) !== "" && thing(from) !== thing(to)
}

export function look() {}
