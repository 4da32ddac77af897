"""Where a service's secret comes from: its `credential`, the environment, the vendor's own file.

Another program's file is read and never written. A secret is a `Secret`, which prints as `***`.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from usagecli.errors import AuthError, NotConfigured, ServiceError

if TYPE_CHECKING:
    from usagecli.machine import Machine
    from usagecli.model import CredentialSource, Service
    from usagecli.registry import Descriptor, Provider

_Read = TypeVar("_Read")

_MAX_FILE = 1_000_000
_COMMAND_TIMEOUT_S = 10.0
KEY_FILE_HINT = "it should hold the key alone, or JSON with the key under apiKey, api_key or key"


class Secret:
    """Text that shows itself only where `reveal` is called."""

    __slots__ = ("_text",)
    # All secrets of this run, so that the log can mask them wherever they turn up.
    known: ClassVar[set[str]] = set()

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) >= 4:
            Secret.known.add(text)

    def reveal(self) -> str:
        return self._text

    def masked(self) -> str:
        """A hint at which secret it is: first and last letters of a long one, else `***`."""
        return f"{self._text[:4]}…{self._text[-3:]}" if len(self._text) >= 24 else "***"

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a fetch authenticates with.

    `kind` is the provider's own word for the sort of secret; `origin` says where it stood, for
    people; `account_id` names the account where the credential carries one (it keys the cache, so
    that a rotated token keeps its report); `facts` are things that stood beside it and are no
    secret; `others` further secrets by part; `reread` looks again, where a vendor's tool may have
    renewed the secret since.
    """

    secret: Secret
    origin: str
    kind: str = "key"
    account_id: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Secret] = field(default_factory=dict)
    reread: Callable[[], Credential | None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One usual home of a credential: `look` gives it, None where it is not there.

    `look` may raise ServiceError for a home that is there and cannot be used, and NotConfigured
    for one that holds another kind of login. `shared` homes serve other tools too and count only
    beside a trace of the provider, or when the service is named. `slow` ones start a program.
    `serves` says whether the credential may go to a base URL that the service names: not where
    that is another region's. `variables` are the environment variables that together hold it, each with the
    part of a `credential:` map that it is ("" where the provider needs only one secret).
    """

    name: str
    look: Callable[[Machine], Credential | None]
    shared: bool = False
    serves: Callable[[str], bool] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def fits(self, service: Service) -> bool:
        """Whether the credential may go where the service's own `base_url` points."""
        return service.base_url is None or self.serves is None or self.serves(service.base_url)


def env_place(
    name: str, *, prefix: str = "", shared: bool = False, kind: str = "key", part: str = ""
) -> Place:
    """An environment variable; with `prefix` it counts only when its value starts so, as its name says."""

    def look(machine: Machine) -> Credential | None:
        value = machine.get(name)
        if value is None or not value.startswith(prefix):
            return None
        return Credential(secret=Secret(value), origin=name, kind=kind)

    told = f"{name} (where it starts with {prefix})" if prefix else name
    return Place(name=told, look=look, shared=shared, variables={name: part})


def find(
    provider: Provider,
    service: Service,
    machine: Machine,
    wanted: Callable[[Credential], bool] = lambda _: True,
) -> Credential:
    """The service's credential; of several the first that is `wanted`, else the first.

    Raises NotConfigured where there is none, ServiceError where the given source does not work.
    """
    if service.credential is not None:
        return _given(provider, service.credential, machine)
    descriptor = provider.descriptor
    # A place may need what the service's options say in a variable's stead.
    machine = machine.overlaid(_told(descriptor, service))
    places = [place for place in descriptor.places if place.fits(service)]
    trouble: NotConfigured | ServiceError | None = None
    unwanted: Credential | None = None
    for place in places:
        if place.shared and not service.named and not traced(provider, machine):
            continue
        try:
            credential = place.look(machine)
        except (NotConfigured, ServiceError) as error:
            # A home that is there but unusable is worth telling, unless a later one works.
            trouble = trouble or error
            continue
        if credential is not None and wanted(credential):
            return credential
        unwanted = unwanted or credential
    if unwanted is not None:
        return unwanted
    if trouble is not None:
        raise trouble
    names = ", ".join(place.name for place in places[:2])
    raise NotConfigured(
        f"no {descriptor.title} credential was found (looked in {names}"
        + (f" and {len(places) - 2} more)" if len(places) > 2 else ")"),
        hint=descriptor.obtain or f"usagecli providers {descriptor.name} says how to get one",
    )


def _told(descriptor: Descriptor, service: Service) -> dict[str, str]:
    """The variables that the service's options take the place of, as far as they are texts."""
    told = ((option.env, service.options.get(option.name)) for option in descriptor.options)
    return {env: value for env, value in told if env and isinstance(value, str)}


def renewed(credential: Credential) -> Credential | None:
    """The secret that now stands where this one stood, where it is another."""
    try:
        found = credential.reread() if credential.reread else None
    except (NotConfigured, ServiceError):
        # What the refused secret says is then the better error.
        return None
    return None if found is None or found.secret == credential.secret else found


def read_with(credential: Credential, read: Callable[[Credential], _Read]) -> _Read:
    """What `read` gives with the credential; where it is refused, with the one that its tool has put in
    its place meanwhile. Raises as `read` does."""
    try:
        return read(credential)
    except AuthError:
        found = renewed(credential)
        if found is None:
            raise
        return read(found)


def traced(provider: Provider, machine: Machine) -> bool:
    """Whether this machine shows a trace of the provider's own tool."""
    return any(
        machine.get(trace[1:]) is not None if trace.startswith("$") else os.path.exists(machine.expand(trace))
        for trace in provider.descriptor.traces
    )


def read_text(path: str, machine: Machine, what: str) -> str | None:
    """A credential file's text; None where there is none. Raises ServiceError for an unusable one."""
    try:
        with open(machine.expand(path), "rb") as file:
            data = file.read(_MAX_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ServiceError(
            f"{what}: {machine.short(path)} cannot be read: {error.strerror or type(error).__name__}",
            hint="make it a file that you can read",
        ) from None
    if len(data) > _MAX_FILE:
        raise ServiceError(f"{what}: {machine.short(path)} is too large for a credential file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ServiceError(f"{what}: {machine.short(path)} is not text") from None


def unhexed(text: str) -> str:
    """A login's text, which keychains sometimes give as hex digits; other text as it is."""
    text = text.strip()
    try:
        decoded = bytes.fromhex(text).decode().strip()
    except ValueError:
        return text
    return decoded if decoded.startswith("{") else text


def unwrapped(text: str) -> str:
    """A token as it stands, or as programs in Go wrap it for a keychain; "" for a broken wrapping."""
    for prefix, decode in (
        ("go-keyring-base64:", binascii.a2b_base64),
        ("go-keyring-encoded:", binascii.unhexlify),
    ):
        if text.startswith(prefix):
            try:
                return decode(text.removeprefix(prefix).strip()).decode()
            except ValueError:
                return ""
    return text


def without_comments(text: str) -> str:
    """JSON as some tools write it, without its comments; what looks like one in a text stays."""
    import re

    pattern = r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/'
    return re.sub(pattern, lambda match: match[1] or " ", text, flags=re.DOTALL)


def claims_of(token: str) -> Mapping[str, Any]:
    """The claims of a JWT, unverified; empty for a token that is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    middle = parts[1].replace("-", "+").replace("_", "/")
    try:
        body = json.loads(binascii.a2b_base64(middle + "=" * (-len(middle) % 4)))
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def parse_json(text: str, what: str, renew: str) -> Mapping[str, Any]:
    """A credential file's JSON object. Raises ServiceError, without a word of its contents."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ServiceError(f"{what} is not valid JSON (truncated?)", hint=renew) from None
    if not isinstance(found, dict):
        raise ServiceError(f"{what} holds no JSON object", hint=renew)
    return found


def key_in(text: str, what: str) -> str | None:
    """The API key in a text: the key alone, or JSON that holds it; None where there is none.

    Raises ServiceError for broken JSON, without a word of its contents.
    """
    text = text.strip()
    if not text.startswith(("{", "[")):
        return text if len(text.split()) == 1 else None
    body = parse_json(text, what, KEY_FILE_HINT)
    values = (body.get(name) for name in ("apiKey", "api_key", "key"))
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), None)


class NoKeyring(ServiceError):
    """This machine has no keyring at all, so that nobody keeps anything there."""


@contextlib.contextmanager
def system_keyring() -> Iterator[Any]:
    """The keyring package; whatever goes wrong in the block is a ServiceError."""
    try:
        import keyring
        import keyring.errors
    except ImportError:  # pragma: no cover - a dependency; only a broken installation lacks it
        raise ServiceError("the package keyring is missing", hint="pip install keyring") from None
    try:
        yield keyring
    except keyring.errors.NoKeyringError:
        raise NoKeyring(
            "this machine has no working keyring",
            hint="use credential: env, file or command instead",
        ) from None
    # A backend is another program: it may raise whatever it likes.
    except Exception as error:  # noqa: BLE001
        raise ServiceError(f"the keyring did not answer: {type(error).__name__}") from None


def keyring_text(service: str, user: str) -> str | None:
    """An entry of the system keyring. Raises ServiceError where there is no working keyring."""
    with system_keyring() as keyring:
        text: str | None = keyring.get_password(service, user)
        return text


def is_slow(service: Service) -> bool:
    """Whether finding the credential starts a program or asks the keyring."""
    return service.credential is not None and any(
        source.kind in ("command", "keyring") for source in service.credential.values()
    )


def revealed(source: CredentialSource, machine: Machine) -> Secret:
    """The secret at that place. Raises NotConfigured, ServiceError."""
    return Secret(_read(source, machine))


def _given(provider: Provider, sources: Mapping[str, CredentialSource], machine: Machine) -> Credential:
    texts = {part: _read(source, machine) for part, source in sources.items()}
    origin = ", ".join(dict.fromkeys(describe(source, machine) for source in sources.values()))
    if provider.accept is not None:
        found = provider.accept(texts, origin, machine)
        # A vendor's tool may renew the login in its file meanwhile.
        from_file = any(source.kind == "file" for source in sources.values())
        return replace(found, reread=lambda: _given(provider, sources, machine)) if from_file else found
    main, *rest = texts
    return Credential(
        secret=Secret(texts[main]),
        origin=origin,
        others={part: Secret(texts[part]) for part in rest},
    )


def describe(source: CredentialSource, machine: Machine) -> str:
    """Where a configured secret stands, for people; never the secret, nor a command's arguments."""
    if source.kind == "value":
        return "the config file"
    if source.kind == "command":
        words = source.value if isinstance(source.value, tuple) else source.value.split()
        return f"command {os.path.basename(words[0])}" if words else "command"
    if source.kind == "file":
        return machine.short(machine.expand(str(source.value)))
    return f"{source.kind} {source.value}"


def _read(source: CredentialSource, machine: Machine) -> str:
    value = source.value
    text: str | None
    if source.kind == "command":
        text = _run(value, machine)
    elif source.kind == "env":
        text = machine.get(str(value))
        if text is None:
            raise NotConfigured(
                f"the environment variable {value} is not set", hint=f"set {value}, or change credential"
            )
    elif source.kind == "file":
        if source.own:
            from usagecli.secretstore import refuse_exposed

            refuse_exposed(str(value), machine)
        text = read_text(str(value), machine, "credential file")
        if text is None:
            raise NotConfigured(
                f"credential file: {machine.short(machine.expand(str(value)))} does not exist",
                hint="correct the path, or sign in with the tool that writes it",
            )
    elif source.kind == "keyring":
        name, _, user = str(value).rpartition("/")
        text = keyring_text(name, user)
        if text is None:
            raise NotConfigured(
                f"the keyring has no entry {value}", hint=f"store one: keyring set {name} {user}"
            )
    else:
        text = str(value)
    text = text.strip()
    if not text:
        raise ServiceError(f"the credential is empty: {describe(source, machine)}")
    return text


def _run(command: str | tuple[str, ...], machine: Machine) -> str:
    """What a credential command prints: all of a JSON document, else its first line."""
    import subprocess

    from usagecli.programs import argv

    words, name = argv(command, machine)
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, and no shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_TIMEOUT_S,
            env=dict(machine.env),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ServiceError(
            f"the credential command {name} did not end within {_COMMAND_TIMEOUT_S:.0f} s",
            hint="run it by hand: it may be waiting for a passphrase",
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        mend = f"install {name}" if isinstance(error, FileNotFoundError) else "run it by hand to see why"
        raise ServiceError(
            f"the credential command {name} cannot be run: {reason}",
            hint=f"{mend}, or change `credential` of the service",
        ) from None
    if done.returncode != 0:
        raise ServiceError(
            f"the credential command {name} failed with exit code {done.returncode}",
            hint="run it by hand to see why",
        )
    text = done.stdout.decode("utf-8", "replace").strip()
    if not text:
        raise ServiceError(f"the credential command {name} printed nothing", hint="run it by hand to see why")
    return text if text.startswith(("{", "[")) else text.splitlines()[0]
