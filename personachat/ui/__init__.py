"""The parts that pages are made of. A page is a script in `pages/`; its parts are here.

A part draws and calls the workspace; it decides nothing about personas or replies. Text that people wrote is
escaped before Streamlit gets it. Begin with `session` and `frame`, then the package of a page.
"""
