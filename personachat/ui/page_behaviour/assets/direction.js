// Lists, quotes and tables run as the words in them do: bullets, numbers, bars and columns begin on that side.
// Where paragraphs run, the style sheet says.

const BLOCKS = ["ul", "ol", "blockquote", "table"]
const UNSET = BLOCKS.map(name => `[data-testid="stMarkdownContainer"] ${name}:not([dir])`).join()

export function begin() {}

export function look() {
  for (const block of document.querySelectorAll(UNSET)) block.dir = "auto"
}
