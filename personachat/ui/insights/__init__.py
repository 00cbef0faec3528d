"""The Insights page: what personas cost, how fast they are, what fails and whether people like them.

Text from rows is plain text: Markdown gets it escaped, and charts get it as names, which ECharts shows as
text.
"""
