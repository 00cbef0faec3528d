"""The Insights page: what personas cost, how fast they are, what fails and whether people like them.

Everything that comes from rows is plain text here: Markdown gets it escaped, charts get it as names that
ECharts draws and shows as text.
"""
