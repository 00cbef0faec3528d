"""Pictures of people: fetched from public addresses alone, drawn anew, and never by the browser."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select, update

from personachat.accounts import picture_fetching
from personachat.accounts.identity import of_claims
from personachat.accounts.people_tables import person_pictures
from personachat.accounts.person_pictures import PersonPictures, initials_of
from personachat.accounts.picture_fetching import MOST_BYTES, Reach, fetch_picture, is_public
from personachat.errors import PictureRefused
from personachat.services import Services
from personachat.stamps import now
from tests.accounts.conftest import key_of, workspace_of
from tests.pictures.drawn import opened, picture


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        *(
            (inside, False)
            for inside in (
                *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
                *("100.64.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1"),
                *("fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
                *("64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:7f00:1::", "fe80::1%eth0", "", "local"),
            )
        ),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, *, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://pictures.example/a.png",
        "https:///a.png",
        "https://127.0.0.1/a.png",
        "https://[::1]/a.png",
        "https://localhost/a.png",
        "https://user:word@pictures.example/a.png",
        "https://pictures.example:8443/a.png",
        "https://pictures.example:port/a.png",
        "https://[bad/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "//pictures.example/a.png",
        "",
        "https://" + "a" * 3_000,
    ],
)
def test_no_other_address_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any, **__: Any) -> None:
        raise AssertionError("somebody is asked")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(PictureRefused):
        fetch_picture(url)


def test_a_name_with_one_private_address_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (each, 443)) for each in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(PictureRefused, match="private network"):
        fetch_picture("https://pictures.example/a.png")


PICTURE = picture(size=(300, 200))


class Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]  # looser than the types on purpose
        name = self.path.partition("?")[0]
        if name == "/inside":
            self.send_response(302)
            self.send_header("Location", "https://10.0.0.1/a.png")
        elif name == "/nowhere":
            self.send_response(302)
            self.send_header("Location", "https://[bad/a.png")
        elif name in {"/round", "/on"}:
            self.send_response(301)
            self.send_header("Location", "/round" if name == "/round" else "/a.png")
        elif name == "/gone":
            self.send_response(404)
        else:
            self.send_response(200)
        content = {
            "/a.png": PICTURE,
            "/large": bytes(MOST_BYTES + 1),
            "/page": b"<html><script>alert(1)</script></html>",
            "/short": b"half",
        }.get(name, b"")
        if name != "/endless":
            self.send_header("Content-Length", str(len(content) * (2 if name == "/short" else 1)))
        self.end_headers()
        self.wfile.write(content)
        if name == "/endless":
            self.server.done.wait(30)  # type: ignore[attr-defined]  # looser than the types on purpose

    def log_message(self, *_: Any) -> None:
        pass


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    moment = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(moment - dt.timedelta(hours=1))
        .not_valid_after(moment + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Reach]]:
    cert, key = certificate(tmp_path_factory.mktemp("pictures"))
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    server.asked, server.done = [], threading.Event()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(cert, key)
    server.socket = ours.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    reach = Reach(
        allows=lambda address: address == "127.0.0.1",
        ports=frozenset({port}),
        context=lambda: ssl.create_default_context(cafile=str(cert)),
    )
    yield server, reach
    server.done.set()
    server.shutdown()
    server.server_close()


def url_of(server: Any, path: str) -> str:
    return f"https://127.0.0.1:{server.server_address[1]}{path}"


def test_a_picture_is_fetched_and_says_nothing_of_who_asks(host: tuple[Any, Reach]) -> None:
    server, reach = host
    assert fetch_picture(url_of(server, "/a.png?size=96"), reach=reach) == PICTURE
    path, headers = server.asked[-1]
    assert path == "/a.png?size=96"
    assert set(headers) == {"Host", "Accept-Encoding", "Accept", "User-Agent", "Connection"}
    assert fetch_picture(url_of(server, "/on"), reach=reach) == PICTURE


@pytest.mark.parametrize("path", ["/inside", "/nowhere", "/round", "/gone", "/large", "/short"])
def test_what_is_no_answer_is_refused(path: str, host: tuple[Any, Reach]) -> None:
    server, reach = host
    with pytest.raises(PictureRefused):
        fetch_picture(url_of(server, path), reach=reach)


def test_a_host_that_never_ends_is_left(host: tuple[Any, Reach], monkeypatch: pytest.MonkeyPatch) -> None:
    server, reach = host
    monkeypatch.setattr(picture_fetching, "SECONDS", 0.2)
    with pytest.raises(PictureRefused):
        fetch_picture(url_of(server, "/endless"), reach=reach)


def test_a_certificate_nobody_vouches_for_is_refused(host: tuple[Any, Reach]) -> None:
    server, reach = host
    strict = Reach(allows=reach.allows, ports=reach.ports)
    with pytest.raises(PictureRefused):
        fetch_picture(url_of(server, "/a.png"), reach=strict)


# --- what is kept ------------------------------------------------------------------------------------

ADDRESS = "https://pictures.example/ada.png"


class Fetching:
    def __init__(self, content: bytes = PICTURE) -> None:
        self.asked: list[str] = []
        self.content = content

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if not self.content:
            raise PictureRefused("It can't be had.")
        return self.content


@pytest.fixture
def ada(team: Services) -> str:
    identity = of_claims({"iss": "https://id.example", "sub": "ada", "iat": 1.0, "exp": 9e9})
    assert identity
    team.admit(identity)
    return identity.key


def had(pictures: PersonPictures, key: str) -> bytes | None:
    """What there is once nothing is on its way."""
    for thread in threading.enumerate():
        if thread.name == "personachat-picture":
            thread.join(20)
    return pictures.of(key)


def test_it_is_fetched_once_and_drawn_anew(team: Services, ada: str) -> None:
    fetch = Fetching()
    pictures = PersonPictures(team.database, fetch=fetch)
    pictures.want(ada, ADDRESS)
    found = had(pictures, ada)
    assert found
    assert found != PICTURE
    assert opened(found).size == (128, 128)
    for again in (pictures, PersonPictures(team.database, fetch=fetch)):
        again.want(ada, ADDRESS)
        assert had(again, ada) == found
    assert fetch.asked == [ADDRESS]
    pictures.want(ada, f"{ADDRESS}?new")
    had(pictures, ada)
    assert len(fetch.asked) == 2


@pytest.mark.parametrize(
    "content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\nbroken"]
)
def test_one_that_cannot_be_had_is_tried_again_the_next_day(content: bytes, team: Services, ada: str) -> None:
    fetch = Fetching(content)
    pictures = PersonPictures(team.database, fetch=fetch)
    for _ in range(3):
        pictures.want(ada, ADDRESS)
        assert had(pictures, ada) is None
    assert len(fetch.asked) == 1
    with team.database.write() as connection:
        connection.execute(update(person_pictures).values(fetched_at=now() - dt.timedelta(days=2)))
    fetch.content = PICTURE
    later = PersonPictures(team.database, fetch=fetch)
    later.want(ada, ADDRESS)
    assert had(later, ada)


def test_a_fault_nobody_foresaw_is_not_met_again_with_every_request(team: Services, ada: str) -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        raise RuntimeError

    pictures = PersonPictures(team.database, fetch=fetch)
    for _ in range(3):
        pictures.want(ada, ADDRESS)
        assert had(pictures, ada) is None
    assert asked == [ADDRESS]


@pytest.mark.parametrize("claim", [None, "", 7, True, ["https://x.example/a"], {"url": ADDRESS}, "h" * 9_999])
def test_a_claim_of_another_kind_is_none(claim: object, team: Services, ada: str) -> None:
    fetch = Fetching()
    pictures = PersonPictures(team.database, fetch=fetch)
    pictures.want(ada, claim)
    assert had(pictures, ada) is None
    assert not fetch.asked


def test_the_operator_can_forbid_it(team: Services, ada: str) -> None:
    fetch = Fetching()
    pictures = PersonPictures(team.database, fetch=fetch, is_on=False)
    pictures.want(ada, ADDRESS)
    assert had(pictures, ada) is None
    assert not fetch.asked


def test_nothing_is_kept_of_somebody_who_is_erased(team: Services, ada: str) -> None:
    pictures = PersonPictures(team.database, fetch=Fetching())
    pictures.want(ada, ADDRESS)
    assert had(pictures, ada)
    administrator = team.administrator(key_of("rae"), person=workspace_of(team, "rae").person)
    assert b"data.json" in administrator.export_person(ada).content
    administrator.erase_person(ada)
    with team.database.read() as connection:
        assert not connection.execute(select(person_pictures)).all()
    late = PersonPictures(team.database, fetch=Fetching())
    late.want(ada, ADDRESS)
    had(late, ada)
    with team.database.read() as connection:
        assert not connection.execute(select(person_pictures)).all()


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Quince", "AQ"),
        ("ada", "A"),
        ("ada.quince@example.com", "AQ"),
        ("Ada de la Quince", "AQ"),
        ("张 伟", "张伟"),
        ("  ", ""),
        ("*** [x](y)", ""),
        ("ßa Bo", "SS"),
        ("", ""),
    ],
)
def test_initials(name: str, initials: str) -> None:
    assert initials_of(name) == initials
