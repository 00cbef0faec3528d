// The small charts in figures say nothing that is not beside them in words, and Streamlit gives them no name.

import * as dom from "./dom.js"

export function begin() {}

export function look() {
  for (const chart of dom.unnamedCharts()) chart.ariaHidden = "true"
}
