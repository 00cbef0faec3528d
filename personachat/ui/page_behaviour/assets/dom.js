// Where things are on the page. What depends on Streamlit's markup, or on the keys our elements have, is here.

export const main = () => document.getElementById("stMain")
export const bottom = () => document.querySelector('[data-testid="stBottom"]')
export const box = () => document.querySelector('[data-testid="stBottom"] textarea')
export const bubbles = () => document.querySelectorAll('#stMain [data-testid="stChatMessage"]')
const app = () => document.querySelector('[data-testid="stApp"]')

/** What one looks for things with, on a page that has no message box. */
export const searchField = () => document.querySelector('#stMain input[type="search"]')

export const dialog = () => document.querySelector('[data-testid="stDialog"]')

/** What lies over the page and takes the keys: a dialog, a popover, a menu, an open list. */
export const overlay = () =>
  document.querySelector(
    '[data-testid="stDialog"], [data-testid="stPopoverBody"], [role="menu"], [role="listbox"]',
  )

/** The field of words that are being edited where they stand. */
export const editField = () => document.querySelector('#stMain [class*="st-key-words_"] textarea')

/** Whether what is typed while `element` has the focus is written there. */
export const isField = element =>
  Boolean(
    element?.isContentEditable ||
      element?.matches?.("textarea, select, input:not([type=checkbox]):not([type=radio]), iframe"),
  )

/** Which conversation an address names, "" for none. */
export const conversation = address => new URL(address, location.href).searchParams.get("chat") ?? ""

/** The control that only a reply has which is being written, on the chat page or in Try out. */
export const liveReply = () =>
  document.querySelector('[class*="st-key-pause_"] button, .st-key-try_out_stop button:not([disabled])')

/** Whether the server is there and runs no script for this page. */
export const isIdle = () =>
  app()?.dataset.testConnectionState === "CONNECTED" && app().dataset.testScriptState === "notRunning"

/** A phone or a tablet: a focused field brings its keyboard up, over half of the page. */
export const isTouch = matchMedia("(pointer: coarse)").matches

/** Fields of a persona's form; those of them that Streamlit sends only once they are left. */
export const DRAFT_FIELDS = '[class*="st-key-form-"] :is(textarea, input)'
export const SLOW_FIELDS = 'textarea, input[type="number"]'

export const saveButton = () => document.querySelector("#stMain .st-key-save button")
export const savedBadge = () => document.querySelector("#stMain .st-key-standing_saved")

/** The frames of Ace, which are of our own origin. */
export const editorFrames = () => document.querySelectorAll('#stMain iframe[title$="ace"]')

export const isSave = event =>
  (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "s"
