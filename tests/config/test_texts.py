from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config.texts import (
    MAX_NAME_BYTES,
    cluster_name,
    header_safe,
    host,
    mutable_header,
    shown,
    socket_address,
    tcp_address,
    token_count,
)


@pytest.mark.parametrize(
    "name",
    ["law-lora", "meta-llama/Llama-3.1-8B", "computer science", "美国法律", "café", "x" * 256],
)
def test_names_of_every_script_are_taken_as_they_are(name):
    assert header_safe(name) == name


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "found '', expected a name that is not blank"),
        ("  ", "found '  ', expected a name that is not blank"),
        (" law", "found ' law', expected no blanks at either end"),
        ("law ", "found 'law ', expected no blanks at either end"),
        (
            "law\r\nx-evil: 1",
            (
                "found 'law\\r\\nx-evil: 1', expected printable characters: "
                "names become header values, which cannot hold U+000D"
            ),
        ),
        (
            "law\u200b",
            (
                "found 'law\\u200b', expected printable characters: "
                "names become header values, which cannot hold U+200B"
            ),
        ),
        ("x" * 257, "found a name of 257 bytes, expected at most 256"),
        ("法" * 86, "found a name of 258 bytes, expected at most 256"),
    ],
)
def test_names_that_no_header_can_hold_are_refused(name, complaint):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole text is compared
        header_safe(name)
    assert str(caught.value) == complaint


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_a_name_that_passes_can_stand_in_a_header(name):
    try:
        header_safe(name)
    except ValueError:
        return
    raw = name.encode()
    assert 0 < len(raw) <= MAX_NAME_BYTES
    assert not any(byte < 0x20 or byte == 0x7F for byte in raw)
    assert raw == raw.strip()


@pytest.mark.parametrize("name", ["vllm-primary", "a", "gpu.0", "ns/pool_1", "10.0.0.7"])
def test_endpoint_names_that_envoy_takes_for_clusters_pass(name):
    assert cluster_name(name) == name


@pytest.mark.parametrize("name", ["-a", "a b", "a:b", "主", "lora_router_extproc", "a\n", ".a"])
def test_endpoint_names_that_are_no_clusters_are_refused(name):
    with pytest.raises(ValueError, match=r"^found '.*', expected "):
        cluster_name(name)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("vllm.internal.", "vllm.internal."),
        ("vllm_0.svc", "vllm_0.svc"),
        ("::1", "::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("8gpu.example", "8gpu.example"),
    ],
)
def test_host_names_and_addresses_of_both_kinds_are_taken(address, kept):
    assert host(address) == kept


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "a host name or an IP address"),
        (" ", "a host name or an IP address"),
        ("[]", "a host name or an IP address"),
        ("http://vllm", "a host name or an IP address without a scheme"),
        ("vllm/v1", "a host name or an IP address without a path"),
        ("vllm primary", "a host name or an IP address without blanks"),
        ("vllm:8000", "an address without a port; the port has a key of its own"),
        ("[::1]:8000", "an address without a port; the port has a key of its own"),
        ("10.0.0.256", "an IPv4 address such as 10.0.0.7"),
        ("10.0.0", "an IPv4 address such as 10.0.0.7"),
        ("2001::db8::1", "an IPv6 address such as 2001:db8::1"),
        ("fe80::1%eth0", "an IPv6 address such as 2001:db8::1"),
        ("bücher.example", "an ASCII host name; write an international one in its xn-- form"),
        ("-vllm", "a host name such as vllm.internal, or an IP address"),
        ("a" * 64, "a host name such as vllm.internal, or an IP address"),
        ("a..b", "a host name such as vllm.internal, or an IP address"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(address, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole text is compared
        host(address)
    assert str(caught.value) == f"found {shown(address)}, expected {expected}"


@pytest.mark.parametrize("address", ["127.0.0.1:9190", "[::1]:1", "router:65535", "0.0.0.0:80"])
def test_a_host_with_a_port_can_be_listened_on(address):
    assert tcp_address(address) == socket_address(address) == address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("9190", "host:port with a port from 1 to 65535"),
        ("localhost", "host:port with a port from 1 to 65535"),
        ("localhost:0", "host:port with a port from 1 to 65535"),
        ("localhost:65536", "host:port with a port from 1 to 65535"),
        ("localhost:http", "host:port with a port from 1 to 65535"),
        (":9190", "a host name or an IP address"),
        ("::1:9190", "brackets around the IPv6 address"),
        ("http://x:1", "a host name"),
    ],
)
def test_what_cannot_be_listened_on_is_refused(address, expected):
    with pytest.raises(ValueError, match=expected):
        tcp_address(address)


def test_a_unix_socket_is_an_address_only_where_sockets_are_taken():
    assert socket_address("unix:/run/r.sock") == "unix:/run/r.sock"
    with pytest.raises(ValueError, match="host:port"):
        tcp_address("unix:/run/r.sock")


@pytest.mark.parametrize("address", ["unix:", "unix: ", "unix:/run/\n"])
def test_a_unix_socket_needs_a_path(address):
    with pytest.raises(ValueError, match="expected unix: and a path"):
        socket_address(address)


def test_long_values_are_quoted_in_part():
    assert shown("x" * 100) == repr("x" * 59 + "…")
    assert [shown(value) for value in (True, 1.5, None, {}, [])] == [
        "true",
        "1.5",
        "an empty value",
        "a mapping",
        "a list",
    ]


@pytest.mark.parametrize(
    ("name", "lower"),
    [("X-Plan", "x-plan"), ("authorization", "authorization"), ("user-agent", "user-agent")],
)
def test_operators_may_change_headers_and_credentials(name, lower):
    assert mutable_header(name) == lower


@pytest.mark.parametrize(
    "name",
    [
        ":path",
        ":authority",
        "Host",
        "content-length",
        "Content-Encoding",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "x-selected-endpoint",
        "x-selected-anything",
        "X-VSR-selected-model",
        "x-envoy-retry-on",
    ],
)
def test_what_frames_a_message_or_steers_it_is_nobodys_to_change(name):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole text is compared
        mutable_header(name)
    assert str(caught.value) == (
        f"found {name!r}, expected a header that neither frames the message nor belongs to envoy "
        "or the router (x-envoy-*, x-selected-*, x-vsr-*)"
    )


def test_what_is_no_header_cannot_be_changed():
    with pytest.raises(ValueError, match="expected a header's name"):
        mutable_header("x plan")


@pytest.mark.parametrize(
    ("value", "tokens"),
    [(8000, 8000), ("8000", 8000), ("8K", 8000), ("8k", 8000), ("1M", 1_000_000), (True, True)],
)
def test_a_number_of_tokens_may_be_told_in_thousands_and_millions(value, tokens):
    assert token_count(value) == tokens


@pytest.mark.parametrize("text", ["", "K", "8Q", "-1", "1.5K", "8 K", "9" * 13])
def test_what_is_no_number_of_tokens_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"expected a number of tokens, such as 8000 or 8K$"):
        token_count(text)
