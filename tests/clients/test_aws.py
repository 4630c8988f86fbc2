from __future__ import annotations

import os

from include.clients.aws import Aws

HERE = Aws("us-east-1", "http://127.0.0.1:9", access_key_id="test", secret_access_key="test")
AGAIN = Aws("us-east-1", "http://127.0.0.1:9", access_key_id="test", secret_access_key="test")
OTHER = Aws("us-east-1", "http://127.0.0.1:9", access_key_id="other", secret_access_key="test")


def test_one_set_of_credentials_has_one_client_a_service() -> None:
    assert HERE.client("sqs") is AGAIN.client("sqs")
    assert HERE.table("a").meta.client is AGAIN.table("b").meta.client
    assert HERE.object_store("a") is AGAIN.object_store("a")


def test_other_credentials_have_other_clients() -> None:
    assert HERE.client("sqs") is not OTHER.client("sqs")
    assert HERE.object_store("a") is not OTHER.object_store("a")
    assert HERE.object_store("a") is not HERE.object_store("b")


def test_a_forked_child_makes_its_own_clients() -> None:
    inherited = HERE.client("sqs")
    child = os.fork()
    if not child:
        status = 1
        try:
            status = int(HERE.client("sqs") is inherited)
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert HERE.client("sqs") is inherited
