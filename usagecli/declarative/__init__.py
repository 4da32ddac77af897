"""Providers that are a descriptor in YAML: one file says all that a simple REST provider needs.

    loader.py       the text -> a checked `Spec` (spec.py); checker, request_loader, entry_loader
    expressions.py  JMESPath with the functions of functions.py: compiled, checked, evaluated
    asking.py       the requests in order, through any `Send`; what follows from an answer
    entries.py      answers -> `Usage`, pure
    gaps.py         what a descriptor declares and the answers do not hold
    provider.py     a `Spec` as a provider like any other; the `Send` of the network
    recorded.py     the `Send` of recorded answers, for `usagecli providers try` and the tests

CONTRIBUTING.md says how to write and test one for the catalog. What a descriptor may hold:

Everything that reads an answer is JMESPath. The root is the answer; with `requests` it is a map of
the answers by name, with what `let` names. Null flows: what was not asked, failed as optional, or is
not there is null, null makes figures null, and an entry without figures is left out. A word (`unit`,
`label`, `id`, `window`, `scope`, query, header and body values, `notes`) is a constant, and an expression
where it begins with `=`; a `url` has `{expression}` places.

    kind            agent (a coding agent's plan, a subscription), api or server; told without it
    title, reports, source, documented, key_url, key_hint, dashboard    what people are told
    min_interval    seconds, 60 or more
    key             NAME, or a list of NAME, {env, kind} and {file, at, kind}: the first that is there
    auth            "Header: words {key}", "?name={key}" or none; default "Authorization: Bearer {key}"
    base            URL; {env, default, cut: [/v1]} for a server of one's own; {choose: expression, name: URL}
    options         name: {env, default, choices, required (true, or a kind of key), about}
    requests        name: request, in order; a single one may stand with its keys at the top
    let             name: expression, each may use those above it
    fail            [{if, kind, message (an expression), hint}]: errors inside status 200
    status          code: kind, or {kind, hint}
    quotas, balances, spend    id: entry
    plan, account, exhausted, notes, empty_ok

A request: url, method, query, headers, body, if, optional, absent (codes that give null), each (once
for every element; the answer is a list of {item, answer}), pages {rows, query, more, max}, answer:
headers, auth, status, fail (over its own answer).

An entry: unit (required), label, id, if, required, scale, each, by, pick {value: {id, label, window,
judged}}; a quota also used, limit, remaining, percent_used, percent_remaining, fraction_used, window,
resets, refill {amount, every} (what comes back bit by bit), unlimited, judged, partial (stops only part
of the work), exhausted, scope; a balance amount, unlimited, judged, stops (whether 0 stops the work: true,
false, null for where there is no quota), exhausted, scope; a spend amount, since, until. Where only a share
is known the unit becomes percent.

Functions: num positive plus times ratio total; unix unix_ms after next_month future seconds now today
tomorrow month_start days_ago as_unix as_date; lower title split walk; root opt only key_kind key_ends.
"""
