"""What a URL says of where it leads; a base URL that a credential may be sent to."""

from __future__ import annotations


def check_base_url(url: str, *, insecure: bool = False) -> str:
    """A base URL without its last slash. Raises ValueError: https only, or http on loopback.

    `insecure`: http anywhere, for what carries no credential.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if any(ord(c) <= 32 or ord(c) == 127 for c in url) or not host:
        raise ValueError("is not a URL such as https://gateway.example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must hold no user, query or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and (insecure or is_loopback(host))):
        raise ValueError("must be https (http only on loopback)")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    return host == "localhost" or host == "::1" or _is_ipv4_loopback(host)


def _is_ipv4_loopback(host: str) -> bool:
    numbers = host.split(".")
    return (
        len(numbers) == 4
        and numbers[0] == "127"
        and all(n.isascii() and n.isdigit() and int(n) < 256 for n in numbers)
    )


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, the usual ports named; nothing for what is no URL."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
        return parts.scheme, (parts.hostname or "").lower(), port
    except ValueError:
        return "", "", None


def within(url: str, domain: str) -> bool:
    """Whether a URL leads to that domain or below it."""
    host = origin(url)[1].rstrip(".")
    return host == domain or host.endswith(f".{domain}")


def host_of(url: str) -> str:
    """Host and port, as messages name them; never a user that stands before them."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2]
