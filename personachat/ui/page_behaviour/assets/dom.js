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
    '[data-testid="stDialog"], [data-testid="stPopoverBody"], [role="menu"], [role="listbox"], dialog[open]',
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

const STEERED = /st-key-(?:pause|resume)_([\w-]+)/

/** What tells the reply that is being written, or paused, from any other; "" for none. */
export const nameOfLiveReply = () => {
  const control = document.querySelector('[class*="st-key-pause_"], [class*="st-key-resume_"]')
  return STEERED.exec(control?.className ?? "")?.[1] ?? (liveReply() ? "try out" : "")
}
export const isPaused = () => Boolean(document.querySelector('[class*="st-key-resume_"]'))

/** Whether what can be done about an ended turn is there. */
export const hasActions = id => document.querySelector(`#stMain [class*="st-key-actions_"][class*="_${id}"]`) !== null

/** Whether the server is there. */
export const isConnected = () => app()?.dataset.testConnectionState === "CONNECTED"

/** Whether the server is there and runs no script for this page. */
export const isIdle = () => isConnected() && app().dataset.testScriptState === "notRunning"

/** A phone or a tablet: a focused field brings its keyboard up, over half of the page. */
export const isTouch = matchMedia("(pointer: coarse)").matches

/** Fields of a persona's form; those of them that Streamlit sends only once they are left. */
export const DRAFT_FIELDS = '[class*="st-key-form-"] :is(textarea, input)'
export const SLOW_FIELDS = 'textarea, input[type="number"]'

/** The one on the screen: of a button with a tooltip Streamlit draws two, one of them for small screens. */
export const saveButton = () =>
  [...document.querySelectorAll("#stMain .st-key-save button")].find(button => button.getClientRects().length)
export const savedBadge = () => document.querySelector("#stMain .st-key-standing_saved")

/** The field for a persona's prompt, and what says how long it is. */
export const promptEditor = () => document.querySelector("#stMain .st-key-prompt_editor")
export const promptField = () => promptEditor()?.querySelector('[class*="st-key-form-"] textarea')
export const warningsHeight = () =>
  document.querySelector("#stMain .st-key-prompt_warnings")?.getBoundingClientRect().height ?? 0
export const PROMPT_LINE = '#stMain [class*="st-key-prompt_line-"]'
export const promptSize = () => document.querySelector("#stMain .st-key-prompt_size p")

/** A better prompt that a model writes, or has written. */
export const improvement = () => document.querySelector("#stMain .st-key-improvement")
export const isBeingWritten = () => document.querySelector("#stMain .st-key-improve_stop") !== null

/** The frames of Ace, which are of our own origin. */
export const editorFrames = () => document.querySelectorAll('#stMain iframe[title$="ace"]')

export const isSave = event =>
  (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "s"

/** The keys that bring the list of personas back, and those to Try out and back. */
export const isFinder = event =>
  (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "p"
export const isTryOutKey = event => event.altKey && !event.ctrlKey && !event.metaKey && event.code === "KeyT"

/** The button that shows the list of personas where it has made room, and a row of the list. */
export const listButton = () =>
  [...document.querySelectorAll("#stMain .st-key-show_list button")].find(button => button.getClientRects().length)
export const PERSONA_ROW = '#stMain [class*="st-key-persona-"] button'
export const isPersonasPage = () => Boolean(document.querySelector("#stMain .st-key-import_personas"))
/** Where one writes to a draft that is tried out, and what sends it or asks it again. */
export const tryOutBox = () => document.querySelector("#stMain .st-key-try_out_message textarea")
export const tryOutLog = () => document.querySelector("#stMain .st-key-try_out_log")
export const tryOutPane = () => document.querySelector("#stMain .st-key-try_out_pane")
export const TRY_OUT_SEND =
  "#stMain .st-key-try_out_message button, #stMain .st-key-try_out_retry button, #stMain .st-key-try_out_starters button"
export const isTryOutChosen = () => Boolean(document.querySelector("#stMain .st-key-try_out_here"))
const tabs = () => [...document.querySelectorAll('#stMain .st-key-persona_tab [role="tab"]')]
export const firstTab = () => tabs()[0]
/** Where the window is too narrow for Try out beside the editor. */
export const tryOutTab = () => tabs().find(tab => tab.getClientRects().length && tab.textContent.includes("Try out"))

/** Where one writes a persona: its prompt, or its JSON. */
export const draftEditor = () =>
  promptField() ?? editorFrames()[0]?.contentDocument?.querySelector(".ace_text-input")

// --- an edit --------------------------------------------------------------------------------------------------

export const editForm = () => editField()?.closest('[data-testid="stForm"]')
export const isCancel = control => control.matches('button[kind="tertiaryFormSubmit"]')
export const sendButton = () =>
  document.querySelector('[data-testid="stBottom"] [data-testid="stChatInputSubmitButton"]')

/** What leads away from a message that is being edited, or draws it anew. */
export const LEAVES_AN_EDIT = [
  '[data-testid="stForm"] button[kind="tertiaryFormSubmit"]',
  '[data-testid="stSidebarContent"] :is(a, [data-testid^="stBaseButton"])',
  '[data-testid="stBottom"] [data-testid="stChatInputSubmitButton"]',
  '[role="menuitem"]',
  ...["edit_", "refresh_", "chevron_", "retry", "continue"].map(key => `#stMain [class*="st-key-${key}"] button`),
  '#stMain [data-testid="stCaptionContainer"] a:not([target="_blank"])',
].join()

const SHORTCUTS = { KeyN: ".st-key-new_chat button", KeyK: ".st-key-search_conversations button" }
export const shortcutButton = code => SHORTCUTS[code] && document.querySelector(SHORTCUTS[code])

// --- the persona picker -----------------------------------------------------------------------------------------

export const personaEntries = () =>
  document.querySelectorAll('[role="listbox"][aria-label="Persona"] [role="option"]')
export const personaField = () => document.querySelector("#stMain .st-key-persona_choice input")
export const labelOf = entry => entry.querySelector("[data-item-hl]")?.textContent ?? ""

// --- figures --------------------------------------------------------------------------------------------------

export const unnamedCharts = () =>
  document.querySelectorAll('[data-testid="stMetricChart"]:not([aria-hidden])')

// --- names that are heard ---------------------------------------------------------------------------------------

export const menusNamedInMarkdown = () => document.querySelectorAll('[role="menu"][aria-label^=":small["]')
export const iconsNamedAfterGlyphs = () =>
  document.querySelectorAll('[role="img"][aria-label$=" icon"]:not([aria-hidden])')
export const LINE = '.stMarkdownBadge, p, li, td, th, h1, h2, h3, h4, h5, h6, [data-testid="stMarkdownContainer"]'

// --- menus ----------------------------------------------------------------------------------------------------

export const hasChatMenu = () => document.querySelector(".st-key-chat_menu") !== null
export const streamlitMenu = () => document.querySelector('[data-testid="stMainMenuButton"]')

/** The conversations in the sidebar but the open one, which has a menu of Streamlit's beside it. */
export const rows = () =>
  document.querySelectorAll(
    '[data-testid="stSidebar"] [class*="st-key-open_"]:not([data-testid="stHorizontalBlock"] *)',
  )

export const idOf = row => /st-key-open_([\w-]+)/.exec(row.className)?.[1] ?? ""
export const titleOf = row => row.querySelector("p")?.textContent ?? ""

const OLDER = /(?:^| )st-key-(?:said|actions)_([a-z]+)_([\w-]+)/

/** The rows of turns above the last exchange, which have no menu of Streamlit's. */
export const olderTurns = () =>
  [...document.querySelectorAll('#stMain [data-testid="stChatMessage"] :is([class*="st-key-said_"], [class*="st-key-actions_"])')]
    .filter(row => OLDER.test(row.className))

/** Which turn's row it is, and where in the menu of all turns its entries are. */
export const olderTurn = row => {
  const [, positions, id] = OLDER.exec(row.className)
  return { id, positions: [...positions].map(letter => letter.charCodeAt(0) - "a".charCodeAt(0)) }
}

/** The same as `arranging.menu_of` offers of one that is not archived. */
export const actionsOf = row => [
  "Rename",
  row.closest(".st-key-group_Pinned") ? "Unpin" : "Pin",
  "Share",
  "Export",
  "Archive",
  "Delete",
]

/** What holds the replies to one message beside each other, on the Compare page. */
export const comparedRows = () =>
  document.querySelectorAll(
    '[class*="st-key-compare_row_"] > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"]',
  )
