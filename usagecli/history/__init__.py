"""`usagecli history`: readings of the past -> what was used, and how it is shown.

`summary` is arithmetic alone, `document` reads the storage, the others turn its document into text.
"""
