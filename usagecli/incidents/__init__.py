"""Vendors' public status pages: whether the vendor itself reports trouble.

`pages` says which page is whose; a module a kind of page folds what it serves, purely, into a
`Finding`; `reading` asks the pages, beside everything else. Whatever cannot be read is `unknown`,
never trouble. A page is asked without credentials or cookies, and at most once in 5 minutes.
"""
