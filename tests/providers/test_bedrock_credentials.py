"""Where AWS credentials stand, when they count for Bedrock, and how boto3's chain signs in with them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from tests.cli import files_below
from tests.providers.test_bedrock import BUSY
from tests.providers.test_bedrock_fetch import KEYS, OPTIONS, account, aws, operation
from tests.support import Reply, make_ask, make_machine, serve
from usagecli import credentials, log, registry
from usagecli.credentials import Credential, Secret
from usagecli.errors import AuthError, NotConfigured, ProviderError, ServiceError
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._bedrock.credentials import accept
from usagecli.providers.bedrock import fetch
from usagecli.services import discover

KEY_FILE = "[default]\naws_access_key_id = AKIAFAKE\naws_secret_access_key = fake-secret-of-file\n"
BEARER = {"AWS_BEARER_TOKEN_BEDROCK": "fake-bearer"}


def find(machine: Machine) -> Credential:
    service = Service(name="bedrock", provider="bedrock")
    return credentials.find(registry.get("bedrock"), service, machine)


def write(home: Path, name: str, text: str | bytes) -> None:
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture(autouse=True)
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the kernel tells who made this computer: nobody."""
    path = tmp_path / "sys_vendor"
    monkeypatch.setattr("usagecli.providers._bedrock.credentials._MAKER", str(path))
    return path


# -- the usual places -------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_usual_places_in_their_order(own_home: Path, maker: Path, platform: str) -> None:
    """Each is taken away once it was found."""
    env = {
        "AWS_ACCESS_KEY_ID": "AKIAFAKE",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/a",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/b",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/c",
    }
    files = [".aws/credentials", ".aws/config"]
    for name in files:
        write(own_home, name, KEY_FILE)
    maker.write_text("Amazon EC2\n")

    def origin() -> str:
        return find(make_machine(own_home, env, platform=platform)).origin

    assert origin() == "AWS_ACCESS_KEY_ID"
    del env["AWS_ACCESS_KEY_ID"]
    assert origin() == "~/.aws/credentials and ~/.aws/config"
    (own_home / files[0]).unlink()
    assert origin() == "~/.aws/config"
    (own_home / files[1]).unlink()
    for name in list(env):
        assert origin() == name
        del env[name]
    if platform == "linux":
        assert origin() == "the role of this EC2 instance"
        maker.unlink()
    with pytest.raises(NotConfigured, match="no Amazon Bedrock credential was found"):
        origin()


@pytest.mark.parametrize("name", ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"])
def test_files_that_were_moved(own_home: Path, tmp_path: Path, name: str) -> None:
    write(tmp_path, "moved", KEY_FILE)
    assert find(make_machine(own_home, {name: str(tmp_path / "moved")})).origin == str(tmp_path / "moved")


@pytest.mark.parametrize("text", [b"\xff\xfe\xff", b"x" * 1_000_001])
def test_a_file_that_cannot_be_read_is_named(own_home: Path, text: bytes) -> None:
    write(own_home, ".aws/config", text)
    with pytest.raises(ServiceError, match="^AWS credentials: .*config"):
        find(make_machine(own_home))


def test_another_text_of_a_file_is_another_account(own_home: Path) -> None:
    """The cache is keyed by it. What stands in the file is shown nowhere."""
    write(own_home, ".aws/credentials", KEY_FILE)
    first = find(make_machine(own_home))
    write(own_home, ".aws/credentials", KEY_FILE.replace("AKIAFAKE", "AKIAFAKE2"))
    second = find(make_machine(own_home))
    assert first.account_id is not None
    assert first.account_id != second.account_id
    assert first.secret.masked() == "***"
    assert "fake" not in str(first)


@pytest.mark.parametrize("flag", ["true", "TRUE"])
def test_no_role_of_the_machine_where_its_look_up_is_off(own_home: Path, maker: Path, flag: str) -> None:
    maker.write_text("Amazon EC2\n")
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, {"AWS_EC2_METADATA_DISABLED": flag}))


@pytest.mark.parametrize("text", [b"QEMU\n", b"\xff\xfe", b""])
def test_other_computers_have_no_role(own_home: Path, maker: Path, text: bytes) -> None:
    maker.write_bytes(text)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home))


def test_bedrock_s_own_key_runs_models_only(own_home: Path) -> None:
    with pytest.raises(NotConfigured, match="AWS_BEARER_TOKEN_BEDROCK only runs models") as caught:
        find(make_machine(own_home, BEARER))
    assert "fake" not in caught.value.message
    write(own_home, ".aws/credentials", KEY_FILE)
    assert find(make_machine(own_home, BEARER)).origin == "~/.aws/credentials"


@pytest.mark.parametrize(
    ("trace", "found"),
    [
        ({}, False),
        ({"CLAUDE_CODE_USE_BEDROCK": " "}, False),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, True),
        (BEARER, True),
    ],
)
def test_credentials_of_aws_count_only_beside_a_trace_of_bedrock(
    own_home: Path, trace: dict[str, str], found: bool
) -> None:
    write(own_home, ".aws/credentials", KEY_FILE)
    names = [target.service.name for target in discover(make_machine(own_home, trace))]
    assert ("bedrock" in names) is found
    assert find(make_machine(own_home)).origin == "~/.aws/credentials"


def test_looking_for_credentials_does_not_import_boto3(own_home: Path) -> None:
    code = "import sys, usagecli.providers.bedrock; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- a credential of the config ---------------------------------------------------------------------

PRINTED = {"Version": 1, "AccessKeyId": "AKIAFAKE", "SecretAccessKey": "fake-s", "SessionToken": "fake-t"}
PERMANENT = {"access_key_id": " AKIAFAKE ", "secret_access_key": "fake-s\n"}


@pytest.mark.parametrize(
    ("parts", "token"),
    [
        (PERMANENT, None),
        ({**PERMANENT, "session_token": "fake-t"}, "fake-t"),
        ({**PERMANENT, "session_token": " "}, None),
        ({"": json.dumps(PRINTED)}, "fake-t"),
        ({"": json.dumps({**PRINTED, "SessionToken": None})}, None),
        ({"": json.dumps({"Credentials": PRINTED})}, "fake-t"),
    ],
)
def test_configured_keys(machine: Machine, parts: Mapping[str, str], token: str | None) -> None:
    others = {"access_key_id": Secret("AKIAFAKE"), **({"session_token": Secret(token)} if token else {})}
    assert accept(parts, "the config file", machine) == Credential(
        secret=Secret("fake-s"), origin="the config file", kind="keys", others=others
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"": "AKIAFAKE"},
        {"": '{"AccessKeyId": "AKIAFAKE"'},
        {"": '{"AccessKeyId": "AKIAFAKE"}'},
        {"": '{"AccessKeyId": "AKIAFAKE", "SecretAccessKey": 7}'},
        {"": "[]"},
        {"access_key_id": "AKIAFAKE"},
        {"secret_access_key": "fake-s", "access_key_id": " "},
        {"session_token": "fake-t"},
    ],
)
def test_configured_keys_that_are_none(machine: Machine, parts: Mapping[str, str]) -> None:
    with pytest.raises(ServiceError, match="^the AWS credential ") as caught:
        accept(parts, "the config file", machine)
    assert "fake" not in (caught.value.message + str(caught.value.hint)).lower()


# -- boto3's chain ----------------------------------------------------------------------------------


class Chain:
    """A home and an environment that boto3 and usagecli both see."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.patch = monkeypatch
        self.env: dict[str, str] = {}
        self.set(AWS_EC2_METADATA_DISABLED="true", AWS_REGION="us-east-1")

    def set(self, **env: str) -> None:
        for name, value in env.items():
            self.patch.setenv(name, value)
            self.env[name] = value

    def fetch(self, **more: Any) -> tuple[Any, list[str]]:
        """The report, and the access key that each request was signed with."""
        with aws(account()) as server:
            machine = make_machine(self.home, self.env)
            usage = fetch(make_ask("bedrock", machine, base_url=server.url, **more))
        signed = [one.headers["authorization"].partition("Credential=")[2] for one in server.seen]
        return usage, list(dict.fromkeys(text.partition("/")[0] for text in signed))

    def error(self, **more: Any) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            self.fetch(**more)
        assert "fake" not in (caught.value.message + str(caught.value.hint)).lower()
        assert caught.value.hint
        return caught.value


@pytest.fixture
def chain(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    return Chain(own_home, monkeypatch)


TWO_PROFILES = (
    KEY_FILE + "[work]\naws_access_key_id = AKIAFAKEWORK\naws_secret_access_key = fake-secret-of-work\n"
)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("env", "options", "key"),
    [
        ({}, {}, "AKIAFAKE"),
        ({"AWS_PROFILE": "work"}, {}, "AKIAFAKEWORK"),
        ({"AWS_DEFAULT_PROFILE": "work"}, {}, "AKIAFAKEWORK"),
        ({"AWS_PROFILE": "none"}, {"profile": "work"}, "AKIAFAKEWORK"),
        ({"AWS_ACCESS_KEY_ID": "AKIAFAKEENV", "AWS_SECRET_ACCESS_KEY": "fake-env"}, {}, "AKIAFAKEENV"),
        (
            {"AWS_ACCESS_KEY_ID": "AKIAFAKEENV", "AWS_SECRET_ACCESS_KEY": "fake-env"},
            {"profile": "work"},
            "AKIAFAKEWORK",
        ),
    ],
)
def test_which_credentials_count(
    chain: Chain, env: dict[str, str], options: dict[str, str], key: str
) -> None:
    write(chain.home, ".aws/credentials", TWO_PROFILES)
    chain.set(**env)
    assert chain.fetch(given=options) == (BUSY, [key])


@pytest.mark.sockets
def test_configured_keys_leave_profiles_alone(chain: Chain) -> None:
    write(chain.home, ".aws/credentials", TWO_PROFILES)
    chain.set(AWS_PROFILE="none")
    assert chain.fetch(secret=KEYS, given=OPTIONS) == (BUSY, ["AKIAFAKEFAKEFAKEFAKE"])


@pytest.mark.sockets
def test_what_boto3_resolves_is_masked_from_then_on(chain: Chain) -> None:
    write(chain.home, ".aws/credentials", KEY_FILE + "aws_session_token = fake-token-of-file\n")
    chain.fetch()
    assert log.mask("fake-secret-of-file fake-token-of-file AKIAFAKE") == "*** *** ***"


def process(home: Path, code: str) -> None:
    script = home / "process.py"
    script.write_text(code)
    command = f'"{sys.executable}" "{script}"'.replace("\\", "/")
    write(home, ".aws/config", f"[default]\ncredential_process = {command}\n")


@pytest.mark.sockets
def test_a_credential_process(chain: Chain) -> None:
    process(chain.home, f"print({json.dumps(json.dumps({**PRINTED, 'AccessKeyId': 'AKIAFAKEPROCESS'}))})")
    assert chain.fetch() == (BUSY, ["AKIAFAKEPROCESS"])


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("config", "kind", "words"),
    [
        ("", NotConfigured, "AWS profile default has no credentials"),
        ("[default]\naws_access_key_id = AKIAFAKE\n", NotConfigured, "or only a part of them"),
        ("[default", ServiceError, "the settings for AWS cannot be used: ConfigParseError"),
        ("[default]\ncredential_process = /none/such\n", ServiceError, "AWS profile default|cannot be used"),
        (
            "[default]\nsso_session = none\nsso_account_id = 1\nsso_role_name = r\n",
            ServiceError,
            "InvalidConfig",
        ),
    ],
)
def test_a_chain_that_gives_nothing(chain: Chain, config: str, kind: type[ProviderError], words: str) -> None:
    write(chain.home, ".aws/config", config)
    error = chain.error()
    assert type(error) is kind
    assert re.search(words, error.message)


@pytest.mark.sockets
@pytest.mark.parametrize("code", ["raise SystemExit(3)", "print('no JSON')", "print('{}')"])
def test_a_credential_process_that_fails(chain: Chain, code: str) -> None:
    process(chain.home, code)
    assert chain.error().kind == "config"


@pytest.mark.sockets
@pytest.mark.parametrize(("env", "options"), [({"AWS_PROFILE": "none"}, {}), ({}, {"profile": "none"})])
def test_a_profile_that_is_not_there(chain: Chain, env: dict[str, str], options: dict[str, str]) -> None:
    write(chain.home, ".aws/credentials", KEY_FILE)
    chain.set(**env)
    error = chain.error(given=options)
    assert (error.kind, error.message) == ("not_configured", "there is no AWS profile none")


@pytest.mark.sockets
def test_half_a_key_in_the_environment(chain: Chain) -> None:
    chain.set(AWS_ACCESS_KEY_ID="AKIAFAKE")
    assert chain.error().kind == "not_configured"


# -- roles ------------------------------------------------------------------------------------------

ROLE = KEY_FILE + "[work]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = default\n"
ASSUMED = (
    b'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
    b"<AccessKeyId>ASIAFAKEROLE</AccessKeyId><SecretAccessKey>fake-s</SecretAccessKey><SessionToken>fake-t"
    b"</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
    b"</AssumeRoleResponse>"
)
DENIED = b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"


@pytest.mark.sockets
def test_a_role_is_assumed_in_memory(chain: Chain) -> None:
    write(chain.home, ".aws/credentials", ROLE)
    chain.set(AWS_PROFILE="work")
    before = files_below(chain.home)
    with aws({"AssumeRole": Reply(ASSUMED, headers={"Content-Type": "text/xml"})}) as sts:
        chain.set(AWS_ENDPOINT_URL_STS=sts.url)
        assert chain.fetch() == (BUSY, ["ASIAFAKEROLE"])
    assert [operation(one) for one in sts.seen] == ["AssumeRole"]
    assert files_below(chain.home) == before


@pytest.mark.sockets
def test_a_role_that_is_refused(chain: Chain) -> None:
    write(chain.home, ".aws/credentials", ROLE)
    chain.set(AWS_PROFILE="work")
    with aws({"AssumeRole": Reply(DENIED, 403, {"Content-Type": "text/xml"})}) as sts:
        chain.set(AWS_ENDPOINT_URL_STS=sts.url)
        error = chain.error()
    assert (error.kind, error.message) == ("auth", "the AWS sign-in refused: sts:AssumeRole is not allowed")


@pytest.mark.sockets
def test_nobody_is_asked_for_an_mfa_code(chain: Chain) -> None:
    write(chain.home, ".aws/credentials", ROLE + "mfa_serial = arn:aws:iam::123456789012:mfa/me\n")
    chain.set(AWS_PROFILE="work")
    error = chain.error()
    assert (error.kind, error.message) == (
        "auth",
        "AWS profile work asks for an MFA code, which usagecli does not",
    )
    assert "aws configure export-credentials --profile work" in str(error.hint)


# -- single sign-on ---------------------------------------------------------------------------------

SSO = (
    "[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
    "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n"
)
TOKEN = ".aws/sso/cache/" + sha1(b"s", usedforsecurity=False).hexdigest() + ".json"
ROLE_CREDENTIALS = Reply(
    {
        "roleCredentials": {
            "accessKeyId": "ASIAFAKESSO",
            "secretAccessKey": "fake-s",
            "sessionToken": "fake-t",
            "expiration": 4070908800000,
        }
    }
)


@pytest.fixture
def sso(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """A profile that signs in with a token of the AWS command line."""
    import botocore.credentials
    import botocore.tokens

    for owner in (botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider):
        monkeypatch.setattr(owner, "_SSO_TOKEN_CACHE_DIR", str((chain.home / TOKEN).parent))
    write(chain.home, ".aws/config", SSO)
    chain.set(AWS_PROFILE="work")
    return chain


def sign_in(chain: Chain, lasts: timedelta) -> None:
    """A token that may be renewed, as `aws sso login` leaves it."""
    now = datetime.now(UTC)
    token = {
        "accessToken": "fake-access",
        "expiresAt": f"{now + lasts:%Y-%m-%dT%H:%M:%SZ}",
        "clientId": "fake-client",
        "clientSecret": "fake-client-secret",
        "registrationExpiresAt": f"{now + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}",
        "refreshToken": "fake-refresh",
    }
    write(chain.home, TOKEN, json.dumps(token))


@pytest.mark.sockets
@pytest.mark.parametrize("lasts", [timedelta(hours=8), timedelta(minutes=5)])
def test_a_login_is_used_and_never_renewed(sso: Chain, lasts: timedelta) -> None:
    """Shortly before its end boto3 would renew it, and write it into the command line's file."""
    sign_in(sso, lasts)
    before = files_below(sso.home)
    with serve({"/federation/credentials": ROLE_CREDENTIALS}) as portal, serve({}) as oidc:
        sso.set(AWS_ENDPOINT_URL_SSO=portal.url, AWS_ENDPOINT_URL_SSO_OIDC=oidc.url)
        assert sso.fetch() == (BUSY, ["ASIAFAKESSO"])
    assert [one.headers["x-amz-sso_bearer_token"] for one in portal.seen] == ["fake-access"]
    assert oidc.seen == []
    assert files_below(sso.home) == before


@pytest.mark.sockets
@pytest.mark.parametrize("token", ["expired", "none", "broken", "refused"])
def test_a_login_that_has_expired_says_how_to_sign_in_again(sso: Chain, token: str) -> None:
    sign_in(sso, timedelta(hours=8) if token == "refused" else timedelta(hours=-1))
    if token == "none":
        (sso.home / TOKEN).unlink()
    elif token == "broken":
        write(sso.home, TOKEN, "{}")
    before = files_below(sso.home)
    with serve({"/federation/credentials": Reply({"message": "no"}, 401)}) as portal, serve({}) as oidc:
        sso.set(AWS_ENDPOINT_URL_SSO=portal.url, AWS_ENDPOINT_URL_SSO_OIDC=oidc.url)
        error = sso.error()
    assert type(error) is AuthError
    assert error.hint == "run: aws sso login --profile work"
    assert (len(portal.seen), oidc.seen) == (token == "refused", [])
    assert files_below(sso.home) == before


@pytest.mark.sockets
def test_keys_of_a_login_that_are_refused_say_how_to_sign_in_again(sso: Chain) -> None:
    sign_in(sso, timedelta(hours=8))
    with serve({"/federation/credentials": ROLE_CREDENTIALS}) as portal:
        sso.set(AWS_ENDPOINT_URL_SSO=portal.url)
        with aws({"ListServiceQuotas": Reply({"__type": "ExpiredTokenException"}, 400)}) as server:
            machine = make_machine(sso.home, sso.env)
            with pytest.raises(AuthError) as caught:
                fetch(make_ask("bedrock", machine, base_url=server.url))
    assert caught.value.hint == "run: aws sso login --profile work"
