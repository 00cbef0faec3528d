// What was typed is sent when its field loses the focus. A lost connection takes the focus too, and then what is
// sent arrives nowhere: the page would call saved what it does not show. So it is sent again, once there is a
// connection. Forms and messages are sent by their button; a dialog would not be open any more.

import * as dom from "./dom.js"

const ELSEWHERE = ["stForm", "stChatInput", "stDialog", "stPopoverBody"].map(id => `[data-testid="${id}"]`).join()

let field = null
let before = ""
let isUnsent = false

export function begin() {
  const onFocus = ({ target }) => {
    field = target.matches?.("#stMain :is(textarea, input)") ? target : null
    before = field?.value
  }
  addEventListener("focusin", onFocus, { capture: true, passive: true })
  addEventListener("focusout", () => left(), { capture: true, passive: true })
}

function left() {
  isUnsent ||= Boolean(field) && !dom.isConnected() && field.value !== before && !field.closest(ELSEWHERE)
  field = null
}

export function look(page) {
  if (field?.disabled) left()
  if (!isUnsent || !dom.isIdle()) return
  isUnsent = false
  page.component.setTriggerValue("unsent", true)
}
