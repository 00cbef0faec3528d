// Light or dark is chosen once for all pages. Streamlit keeps the choice for the address at which its document was
// loaded; here it is kept for every address, and the next document begins with it (front/first_paint.html).

const CHOSEN = "personachat-theme"
const loaded = performance.getEntriesByType("navigation")[0]?.name ?? location.href
const OWN = `stActiveTheme-${new URL(loaded).pathname}-v2`

let seen = null

export function begin() {
  seen = read(OWN)
  if (seen && !read(CHOSEN)) keep(seen)
}

export function look() {
  const now = read(OWN)
  if (now === seen) return
  seen = now
  if (now) keep(now)
}

function read(name) {
  try {
    return localStorage.getItem(name)
  } catch {
    return null // a browser that keeps nothing
  }
}

function keep(choice) {
  try {
    localStorage.setItem(CHOSEN, choice)
  } catch {} // as above
}
