from __future__ import annotations

import pytest
import yaml
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core

from router.envoy_config.document import dump, dump_resources

ADDRESS = core.Address(socket_address=core.SocketAddress(address="模型", port_value=7))


def test_a_message_is_written_under_its_proto_names_and_a_comment() -> None:
    assert dump(ADDRESS, about="one\ntwo") == (
        "# one\n# two\nsocket_address:\n  address: 模型\n  port_value: 7\n"
    )


def test_names_with_digits_are_protos_own() -> None:
    message = cluster.OutlierDetection(enforcing_consecutive_5xx=0)
    assert yaml.safe_load(dump(message, about="x")) == {"enforcing_consecutive_5xx": 0}


def test_resources_carry_their_types() -> None:
    (resource,) = yaml.safe_load(dump_resources([ADDRESS], about="x"))["resources"]
    assert resource["@type"] == "type.googleapis.com/envoy.config.core.v3.Address"
    assert resource["socket_address"]["port_value"] == 7


def test_a_file_without_resources_which_would_drop_them_all_is_not_written() -> None:
    with pytest.raises(ValueError, match="found an empty list"):
        dump_resources([], about="x")
