"""Where AWS credentials stand on a machine.

Only whether they are there: what they are is for boto3's own chain to say, when something is asked.
So nothing here imports it, starts a program or asks the network.
"""

from __future__ import annotations

from collections.abc import Mapping

from usagecli import wire
from usagecli.credentials import Credential, Place, Secret, parse_json, read_text
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine

RENEW = "renew them: aws sso login, new access keys, or a new session token"
PARTS = {
    "access_key_id": "an access key's id",
    "secret_access_key": "its secret",
    "session_token": "the token of temporary keys",
}
_KEYS_HINT = "give access_key_id and secret_access_key, or a command that prints AWS's credential JSON"
_BEARER = "AWS_BEARER_TOKEN_BEDROCK"
_ROLES = (
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
# Who made this computer, where the kernel tells.
_MAKER = "/sys/class/dmi/id/sys_vendor"


def places() -> tuple[Place, ...]:
    """What boto3's chain may find, cheapest first."""
    return (
        Place(
            name="AWS_ACCESS_KEY_ID",
            look=_variable,
            shared=True,
            variables={"AWS_ACCESS_KEY_ID": "access_key_id", "AWS_SECRET_ACCESS_KEY": "secret_access_key"},
        ),
        Place(name="~/.aws/credentials or ~/.aws/config", look=_files, shared=True),
        Place(name="AWS_ROLE_ARN or AWS_CONTAINER_CREDENTIALS_...", look=_role, shared=True),
        Place(name="the role of an EC2 instance", look=_instance, shared=True),
        Place(name=_BEARER, look=_bearer),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A map of access keys, or the JSON that credential programs and `aws sts` print."""
    keys = dict(parts)
    if "" in keys:
        body = parse_json(keys[""], "the AWS credential", _KEYS_HINT)
        body = wire.as_mapping(body.get("Credentials")) or body
        # AccessKeyId, SecretAccessKey, SessionToken.
        named = {part: body.get(part.title().replace("_", "")) for part in PARTS}
        keys = {part: text for part, text in named.items() if isinstance(text, str)}
    keys = {part: text.strip() for part, text in keys.items() if text.strip()}
    if not {"access_key_id", "secret_access_key"} <= set(keys):
        raise ServiceError("the AWS credential holds no access key, or only a part of one", hint=_KEYS_HINT)
    others = {part: Secret(text) for part, text in keys.items() if part != "secret_access_key"}
    return Credential(secret=Secret(keys["secret_access_key"]), origin=origin, kind="keys", others=others)


def _variable(machine: Machine) -> Credential | None:
    key = machine.get("AWS_ACCESS_KEY_ID")
    return Credential(secret=Secret(key), origin="AWS_ACCESS_KEY_ID", kind="chain") if key else None


def _files(machine: Machine) -> Credential | None:
    """Either file: which profile of it counts, and how that signs in, is boto3's to say."""
    usual = (
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        ("AWS_CONFIG_FILE", "~/.aws/config"),
    )
    texts: dict[str, str] = {}
    for variable, path in usual:
        moved = machine.get(variable)
        text = read_text(moved or path, machine, "AWS credentials")
        if text is not None:
            texts[moved or path] = text
    # Other text may mean another account, whose figures must not come from the cache.
    return _chain(" and ".join(texts), *texts.values()) if texts else None


def _role(machine: Machine) -> Credential | None:
    named = {name: value for name in _ROLES if (value := machine.get(name))}
    return _chain(next(iter(named)), *named.values()) if named else None


def _instance(machine: Machine) -> Credential | None:
    """On Amazon's computers only: anywhere else the look-up of a role would wait for nobody."""
    if (machine.get("AWS_EC2_METADATA_DISABLED") or "").lower() == "true" or machine.platform != "linux":
        return None
    try:
        with open(_MAKER, encoding="utf-8") as file:
            maker = file.read(200)
    except (OSError, UnicodeDecodeError):
        return None
    return _chain("the role of this EC2 instance", maker) if "amazon" in maker.lower() else None


def _bearer(machine: Machine) -> Credential | None:
    if machine.get(_BEARER) is None:
        return None
    raise NotConfigured(
        f"{_BEARER} only runs models: it reads no quotas, metrics or costs",
        hint="give AWS credentials beside it; usagecli providers bedrock says how",
    )


def _chain(origin: str, *texts: str) -> Credential:
    import hashlib

    named = hashlib.sha256("\0".join((origin, *texts)).encode()).hexdigest()
    return Credential(secret=Secret(""), origin=origin, kind="chain", account_id=named)
