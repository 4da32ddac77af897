"""The page of `usagecli report`: snapshot, history and token logs -> one HTML file.

recent.py    the last days of each quota, from the history
charts.py    readings -> the coordinates of a chart
masking.py   texts of others: harmless, and without accounts
cards.py     a report -> what its card says
burned.py    the overview of the token logs -> what its panel says
page.py      all of it -> HTML, through page.html and page.css
"""
