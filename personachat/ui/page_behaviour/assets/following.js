// A reply that is being written is followed by a script run on the server. Whatever ended that run, a lost
// connection or Streamlit's own stop, leaves the page as it was; so the page asks for another one.

import * as dom from "./dom.js"

const LONGEST = 30_000
const FIRST = 300

let timer = 0
let delay = FIRST

export function begin() {}

export function look(page) {
  const lost = dom.liveReply() && dom.isIdle() && !dom.overlay()
  if (!lost) {
    clearTimeout(timer)
    timer = 0
    if (!dom.liveReply()) delay = FIRST
    return
  }
  timer ||= setTimeout(() => {
    timer = 0
    delay = Math.min(2 * delay, LONGEST)
    page.component.setTriggerValue("follow", true)
  }, delay)
}
